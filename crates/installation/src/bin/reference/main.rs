//! Prints `docs/reference.md`: every field, rule and reason, from the same definitions as `crds/`.

mod fields;
mod page;

use metorial_operator::resources::definitions;

fn main() -> Result<(), serde_json::Error> {
    let definitions = serde_json::to_value(definitions())?;
    print!(
        "{}",
        page::page(definitions.as_array().map_or(&[], Vec::as_slice))
    );
    Ok(())
}
