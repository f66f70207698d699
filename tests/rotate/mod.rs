//! Values from Secrets and ConfigMaps: pushed when they change, byte for byte, and refused with a reason.

mod composed_values;
mod lost_key;
mod not_ready_references;
mod refused;
mod rotation;
mod usable_values;
