//! Properties of decisions, checked without any I/O.

mod cases;
mod deaths;
mod exports;
mod model;
mod scene;
mod values;
