//! The canaries of the leak tests are found however they are written.

use crate::support::Canary;
use k8s_openapi::ByteString;

#[test]
fn a_canary_is_found_however_it_is_written() {
    let canary = Canary::new("the value");
    let text = |bytes: &[u8]| {
        let text = serde_json::to_value(ByteString(bytes.to_vec())).unwrap();
        text.as_str().unwrap().to_owned()
    };
    for before in ["", "a", "ab"] {
        let longer = format!("{before}{}and more", canary.value);
        assert!(
            canary.found_in(&text(longer.as_bytes())).is_some(),
            "{before}"
        );
        assert!(
            canary
                .found_in(&serde_json::to_string(&longer).unwrap())
                .is_some()
        );
        assert!(canary.found_in(&format!("{longer:?}")).is_some());
    }
    assert!(canary.found_in("metorial_sk_ client_secret").is_none());
}
