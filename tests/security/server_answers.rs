//! Responses of the API that can't be read, to reads, lists and writes, leave nothing of their content anywhere.

use crate::leaks::{self, Watched};
use crate::support::{
    Canary, Environment, Handle, Kind, Manifest, auth_config, config, config_on, connection,
    credentials, export, import_into, initial, literal_vault,
};
use metorial_simulator::{Action, Fault, FaultId};
use serde_json::{Value, json};

/// A response that can't be read.
struct Unreadable {
    answer: Action,
    /// How often in a row a list is answered so: a page that is too large is asked for again, down to a single item.
    times: u64,
}

/// Responses with this value in every place where a value may be.
fn unreadable(canary: &str) -> Vec<Unreadable> {
    let members = json!({
        "object": canary, "status": canary, "name": canary, "slug": canary, "note": canary, "created_at": canary,
        "provider_id": canary, "identifier": [canary], "organization_id": canary, "project": [canary], "value": [canary], "schema": [canary],
        "input_schema": [canary], "metadata": {canary: canary}, canary: canary,
    });
    let with = |id: Value, more: Value| {
        let mut answer = members.clone();
        answer["id"] = id;
        for (name, value) in more.as_object().unwrap() {
            answer[name] = value.clone();
        }
        answer
    };
    // Nothing is concluded from these pages, whatever they show: the next one, after an unknown id, is an empty one.
    let pagination = json!({"has_more_before": false, "has_more_after": true});
    let list = |items: Value| json!({"items": items, "pagination": pagination});
    let item = with("bad_1".into(), json!({}));
    let padding = json!({"padding": "x".repeat(9 * 1024 * 1024)});
    let large = with("bad_2".into(), padding);
    let shapeless = with(
        json!([canary]),
        json!({"items": canary, "pagination": canary}),
    );
    let applied = |body: String| Action::AnswerAfterApply {
        status: 200,
        headers: Vec::new(),
        body: body.into(),
    };
    let once = |answer| Unreadable { answer, times: 1 };
    vec![
        once(applied(shapeless.to_string())),
        once(applied(
            with(canary.into(), list(json!([{"id": canary}]))).to_string(),
        )),
        once(applied(
            with("par_other".into(), list(json!([item]))).to_string(),
        )),
        once(applied(format!("{{\"id\": \"{canary}"))),
        once(applied(format!("<html>{canary}</html>"))),
        once(Action::CutShort(shapeless.to_string().into())),
        Unreadable {
            answer: applied(with("par_other".into(), list(json!([large]))).to_string()),
            times: 7,
        },
    ]
}

/// The responses that are still to be given.
struct Answers<'a> {
    env: &'a Environment,
    forms: Vec<Unreadable>,
    faults: Vec<(String, FaultId, u64)>,
}

impl Answers<'_> {
    /// The next requests of this method and path are answered so, each form once.
    fn to(&mut self, method: &str, path: &str) {
        let is_list = method == "GET" && Kind::REMOTE.iter().any(|kind| kind.path() == path);
        for (number, form) in self.forms.iter().enumerate() {
            let times = if is_list { form.times } else { 1 };
            let fault = Fault::on(method, path).exactly().times(times);
            let id = self.env.sim.faults().add(fault, form.answer.clone());
            let what = format!("{method} {path}, form {number}");
            self.faults.push((what, id, times));
        }
    }

    /// Applies as many resources as there are forms. None is ready before all responses were given.
    async fn create(&self, manifest: impl Fn(usize) -> Manifest) {
        let mut created = Vec::new();
        for number in 0..self.forms.len() {
            created.push(self.env.apply(manifest(number)).await);
        }
        for object in created {
            let kind = Kind::named(&object.types.unwrap().kind);
            let name = object.metadata.name.unwrap();
            self.env.resource(kind, &name).wait_ready().await;
        }
        self.check_given();
    }

    /// Reconciles a resource again and again until all responses were given.
    async fn reconcile(&self, resource: &Handle<'_>) {
        self.env
            .until("all responses were given", async || {
                resource.request_reconcile().await;
                self.left().is_empty().then_some(())
            })
            .await;
    }

    /// All responses were given.
    fn check_given(&self) {
        assert_eq!(self.left(), [""; 0]);
    }

    /// The requests that still have to be made.
    fn left(&self) -> Vec<&str> {
        let happened = |id| self.env.sim.faults().happened(id);
        let left = self.faults.iter();
        let left = left.filter(|(_, id, times)| happened(*id) < *times);
        left.map(|(what, _, _)| what.as_str()).collect()
    }
}

#[tokio::test]
async fn responses_about_objects_that_can_not_be_read_leave_nothing_of_their_content() {
    check_hidden(async |answers| {
        connections(answers).await;
        objects(answers).await;
    })
    .await;
}

#[tokio::test]
async fn responses_about_schemas_that_can_not_be_read_leave_nothing_of_their_content() {
    check_hidden(async |answers| schemas(answers).await).await;
}

#[tokio::test]
async fn responses_about_imports_exports_and_dependents_that_can_not_be_read_leave_nothing() {
    check_hidden(async |answers| {
        records(answers).await;
        dependents(answers).await;
    })
    .await;
}

/// Nothing of the responses that this story gives is anywhere at its end.
async fn check_hidden(story: impl AsyncFn(&mut Answers<'_>)) {
    let env = Environment::new().await;
    let canary = Canary::new("a value of another tenant");
    let value = Canary::new("a value of an auth config");
    let watched = Watched::start(&env).await;
    let process = env
        .start_process(&["--log=trace", "--log-format=json"])
        .await;
    env.value("token", &value.value).await;
    let mut answers = Answers {
        env: &env,
        forms: unreadable(&canary.value),
        faults: Vec::new(),
    };

    story(&mut answers).await;
    let given = answers.faults.len();
    leaks::check_hidden(&env, &watched, process, given, &[&canary, &value]).await;
}

/// Whose key it is.
async fn connections(answers: &mut Answers<'_>) {
    let env = answers.env;
    env.connection("default").wait_reason("Synced").await;
    answers.to("GET", "/instance");
    let another = |number| connection(&format!("another-{number}"), &env.sim.url());
    answers.create(another).await;
}

/// Creates, searches, updates and reads of single objects.
async fn objects(answers: &mut Answers<'_>) {
    let env = answers.env;
    let path = Kind::Credentials.path();
    let name = |number| format!("object-{number}");
    answers.to("POST", path);
    answers.to("GET", path);
    answers.create(|number| credentials(&name(number))).await;

    answers.to("PATCH", &format!("{path}/:id"));
    let changed = |number| credentials(&name(number)).spec(json!({"description": "changed"}));
    answers.create(changed).await;
    answers.to("GET", &format!("{path}/:id"));
    answers.reconcile(&env.credentials(&name(0))).await;

    let mut ids = Vec::new();
    for _ in 0..answers.forms.len() {
        ids.push(env.create_by_hand(json!({})).await.id);
    }
    answers.to("GET", "/providers/:id");
    let adopting = |number: usize| {
        let manifest = credentials(&format!("adopted-{number}")).spec(json!({"name": "github"}));
        manifest.adopting(&ids[number])
    };
    answers.create(adopting).await;
}

/// Published schemas.
async fn schemas(answers: &mut Answers<'_>) {
    let env = answers.env;
    answers.to("GET", "/provider-config-schema");
    // Each has a schema of its own: one that was read is not read again.
    let deployed = |number: usize| {
        let name = format!("deployed-{number}");
        let deployment = env.sim.add_deployment(&env.instance, "postgres", &name);
        config(&name).spec(json!({"deploymentId": deployment}))
    };
    answers.create(deployed).await;
    answers.to("GET", "/provider-auth-config-imports/schema");
    answers.to("GET", "/provider-auth-methods/:id");
    let checked = |number| auth_config(&format!("checked-{number}"));
    answers.create(checked).await;
}

/// Imports and exports, and their lists.
async fn records(answers: &mut Answers<'_>) {
    let env = answers.env;
    env.create(initial("linear")).await;
    answers.to("POST", Kind::Import.path());
    answers.to("GET", Kind::Import.path());
    let import = |number| import_into(&format!("moved-{number}"), "linear", "token");
    answers.create(import).await;
    // An export that is too large is not repeated.
    let path = Kind::Export.path();
    let large = answers.forms.pop().unwrap();
    answers.to("POST", path);
    let too_large = large.answer.clone();
    answers.forms.push(large);
    answers.to("GET", path);
    let export = |name: &str| export(name, "linear", name);
    answers
        .create(|number| export(&format!("used-{number}")))
        .await;
    let fault = Fault::on("POST", path).exactly().times(1);
    let id = env.sim.faults().add(fault, too_large);
    answers
        .faults
        .push((format!("POST {path}, too large"), id, 1));
    env.apply(export("too-large")).await;
    env.export("too-large").wait_reason("RemoteRejected").await;
    answers.check_given();
}

/// Lists of dependents.
async fn dependents(answers: &mut Answers<'_>) {
    let env = answers.env;
    env.create(literal_vault("in-use")).await;
    env.create(config_on("user", "in-use")).await;
    answers.to("GET", Kind::Config.path());
    env.vault("in-use").delete().await;
    answers.reconcile(&env.vault("in-use")).await;
}
