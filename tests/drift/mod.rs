//! Edits and losses at Metorial: corrected once, or reported and left.

mod cascades;
mod consents;
mod defaults;
mod edits;
mod losses;
mod quiet;
