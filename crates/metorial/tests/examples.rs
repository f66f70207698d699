//! The examples do what they say, against the simulator.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "a test fails where it unwraps, and the examples have a main of their own"
)]

#[path = "../examples/create_oauth_app.rs"]
mod create_oauth_app;
#[path = "../examples/first_call.rs"]
mod first_call;
#[path = "../examples/list_credentials.rs"]
mod list_credentials;

use metorial::{ApiKey, Client};
use metorial_simulator::{Action, Collection, Fault, InstanceType, Options, Simulator};

#[tokio::test]
async fn the_examples_do_what_they_say() {
    let simulator = Simulator::start(Options::default()).await;
    let organization = simulator.add_organization("Acme");
    let instance = simulator.add_instance(&organization, InstanceType::Development);
    let key = ApiKey::parse(&simulator.add_key(&instance)).unwrap();
    let url = simulator.url().parse().unwrap();
    let client = Client::builder(url, key).no_proxy().build().unwrap();

    let text = first_call::run(&client).await.unwrap();
    assert!(text.contains(&instance.to_string()), "{text}");

    // The app is created, and the response is lost.
    let lost = Fault::on("POST", "/provider-auth-credentials").times(1);
    simulator.faults().add(lost, Action::CloseAfterApply);
    let id = create_oauth_app::run(&client).await.unwrap();
    assert_eq!(create_oauth_app::run(&client).await.unwrap(), id);
    // The instance also has credentials that Metorial manages.
    let objects = simulator.objects(&instance, Collection::AuthCredentials);
    let made = objects
        .iter()
        .filter(|object| object.readable["is_managed"] == false);
    assert_eq!(made.map(|object| &object.id).collect::<Vec<_>>(), [&id]);

    let lines = list_credentials::run(&client).await.unwrap();
    assert!(lines.contains(&format!("{id} GitHub")), "{lines:?}");
}
