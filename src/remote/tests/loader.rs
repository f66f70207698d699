//! The loader against everything that lists of the API do.

use crate::plan::observed::RemoteView;
use crate::plan::purpose::{Priority, Purpose};
use crate::remote::budget::{Limit, WINDOW};
use crate::remote::testing::{auth_config, serve, session_at};
use crate::remote::{RemoteError, Session};
use crate::resources::{ProviderAuthConfig, ProviderAuthCredentials, ResourceKey};
use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::FutureExt;
use futures::future::join_all;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// The result of a read.
type Read = Result<Option<Arc<RemoteView>>, RemoteError>;

/// The behavior of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lists {
    Work,
    /// Everything is returned, whatever is asked for.
    IgnoreTheFilter,
    /// Nothing is returned.
    AreEmpty,
    /// The first object is not listed yet.
    LagBehind,
    /// The newest comes first.
    AreReversed,
    /// More than this number of ids are refused.
    Accept(usize),
    /// Pages of more than this number of objects are larger than an answer may be.
    AreTooLargeAbove(usize),
    /// One item can't be decoded.
    HaveABadItem,
    /// The first object is larger than what is kept.
    HaveALargeItem,
    /// The server fails.
    Fail,
}

struct Server {
    lists: Mutex<Lists>,
    /// The number of ids of each list, and zero for each GET of one object.
    requests: Mutex<Vec<usize>>,
}

fn id(number: usize) -> String {
    format!("pac_{number:03}")
}

/// Ids that are asked for and do not exist start at this number; those below end with an archived object.
const EXISTING: usize = 300;
const ARCHIVED: usize = EXISTING - 1;

fn object(number: usize) -> Option<Value> {
    let status = if number == ARCHIVED {
        "archived"
    } else {
        "active"
    };
    (number < EXISTING).then(|| auth_config(&id(number), status))
}

fn refused(status: u16) -> Response {
    let error = json!({"object": "error", "ok": false, "status": status, "code": "refused"});
    (StatusCode::from_u16(status).unwrap(), error.to_string()).into_response()
}

async fn list(State(server): State<Arc<Server>>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let ids = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("id%5B%5D=pac_"));
    let mut asked: Vec<usize> = ids.map(|number| number.parse().unwrap()).collect();
    assert!(
        query.contains("archived"),
        "archived objects are left out otherwise"
    );
    server.requests.lock().unwrap().push(asked.len());
    asked.sort_unstable();
    let lists = *server.lists.lock().unwrap();
    match lists {
        Lists::Fail => return refused(500),
        Lists::Accept(most) if asked.len() > most => return refused(400),
        Lists::AreTooLargeAbove(most) if asked.len() > most => {
            return " ".repeat(9 << 20).into_response();
        }
        Lists::IgnoreTheFilter => asked = (0..100).collect(),
        Lists::AreEmpty => asked.clear(),
        Lists::LagBehind => asked.retain(|number| *number != 0),
        Lists::AreReversed => asked.reverse(),
        _ => {}
    }
    let mut items: Vec<Value> = asked.into_iter().filter_map(object).collect();
    if lists == Lists::HaveABadItem {
        items[0]["created_at"] = json!("never");
    }
    if lists == Lists::HaveALargeItem {
        items[0]["metadata"] = json!({"values": vec![0; 10_000]});
    }
    let pagination = json!({"has_more_before": false, "has_more_after": false});
    json!({"object": "list", "items": items, "pagination": pagination})
        .to_string()
        .into_response()
}

async fn item(State(server): State<Arc<Server>>, Path(name): Path<String>) -> Response {
    server.requests.lock().unwrap().push(0);
    let number = name.trim_start_matches("pac_").parse().unwrap();
    match object(number) {
        Some(object) => object.to_string().into_response(),
        None => {
            let error = json!({"object": "error", "ok": false, "status": 404, "code": "not_found",
                "entity": "provider.auth_config", "id": name});
            (StatusCode::NOT_FOUND, error.to_string()).into_response()
        }
    }
}

struct World {
    server: Arc<Server>,
    session: Session,
}

impl World {
    async fn new(lists: Lists) -> Self {
        let server = Arc::new(Server {
            lists: Mutex::new(lists),
            requests: Mutex::default(),
        });
        let router = Router::new()
            .route("/provider-auth-configs", get(list))
            .route("/provider-auth-configs/{id}", get(item))
            .with_state(server.clone());
        let url = serve(router).await;
        Self {
            server,
            session: session_at(&url),
        }
    }

    /// Asks for these objects at the same time, as they are now.
    async fn ask(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<Read> {
        self.ask_since(numbers, Instant::now()).await
    }

    async fn ask_since(
        &self,
        numbers: impl IntoIterator<Item = usize>,
        since: Instant,
    ) -> Vec<Read> {
        let ask = |number| async move {
            let id = id(number);
            self.session.observe::<ProviderAuthConfig>(&id, since).await
        };
        join_all(numbers.into_iter().map(ask)).await
    }

    /// Asks for the first `count` objects at the same time, and checks that each is found as it is.
    async fn ask_for_existing(&self, count: usize) {
        let found = self.ask(0..count).await;
        for (number, found) in found.into_iter().enumerate() {
            let view = found.unwrap().unwrap();
            assert_eq!(
                (view.id.clone(), view.live),
                (id(number), number != ARCHIVED)
            );
        }
    }

    /// Returns the requests so far, by size, and forgets them.
    fn requests(&self) -> Vec<usize> {
        let mut requests = std::mem::take(&mut *self.server.requests.lock().unwrap());
        requests.sort_unstable_by(|a, b| b.cmp(a));
        requests
    }
}

#[tokio::test]
async fn a_hundred_objects_cost_one_request_and_one_alone_a_get() {
    let world = World::new(Lists::Work).await;
    world.ask_for_existing(EXISTING).await;
    assert_eq!(world.requests(), [100, 100, 100]);
    world.ask_for_existing(1).await;
    assert_eq!(
        world.requests(),
        [0],
        "an urgent read takes no others along"
    );
    world.ask(0..EXISTING).await;
    assert_eq!(world.requests().len(), 3);
}

#[tokio::test]
async fn who_asks_for_the_same_object_at_the_same_time_shares_a_get() {
    let world = World::new(Lists::Work).await;
    let found = world.ask([1; 30]).await;
    let live = |found: Read| found.unwrap().unwrap().live;
    assert!(found.into_iter().all(live));
    assert_eq!(world.requests(), [0]);
    let found = world.ask([EXISTING; 30]).await;
    let missing = |found: &Read| matches!(found, Ok(None));
    assert!(found.iter().all(missing));
    assert_eq!(world.requests(), [0], "its absence, too");
}

#[tokio::test]
async fn what_is_fresh_enough_is_not_read_and_what_is_due_soon_is_read_along() {
    let world = World::new(Lists::Work).await;
    world.ask_for_existing(150).await;
    world.requests();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let ago = |milliseconds| Instant::now().checked_sub(Duration::from_millis(milliseconds));
    world.ask_since(0..150, ago(600_000).unwrap()).await;
    assert!(world.requests().is_empty());
    // The first is read because it is too old, and with it those that soon are.
    world.ask_since([0], ago(1200).unwrap()).await;
    assert_eq!(world.requests(), [100]);
}

#[tokio::test]
async fn an_absent_object_is_confirmed_by_a_request_of_its_own() {
    let world = World::new(Lists::Work).await;
    let found = world.ask([1, EXISTING, EXISTING + 1]).await;
    let missing = |found: &Read| matches!(found, Ok(None));
    assert!(!missing(&found[0]) && missing(&found[1]) && missing(&found[2]));
    assert_eq!(world.requests(), [3, 0, 0]);
}

#[tokio::test]
async fn an_older_build_is_served_by_smaller_requests_from_then_on() {
    let world = World::new(Lists::Accept(21)).await;
    world.ask_for_existing(100).await;
    assert_eq!(world.requests(), [100, 20, 20, 20, 20, 20]);
    world.ask_for_existing(100).await;
    assert_eq!(world.requests(), [20; 5]);
}

#[tokio::test]
async fn a_server_whose_filter_does_not_work_is_read_one_by_one_from_then_on() {
    for lists in [Lists::IgnoreTheFilter, Lists::Accept(1), Lists::AreEmpty] {
        let world = World::new(lists).await;
        world.ask_for_existing(30).await;
        world.requests();
        world.ask_for_existing(30).await;
        assert_eq!(world.requests(), [0; 30], "{lists:?}");
    }
}

#[tokio::test]
async fn what_a_list_does_not_show_yet_is_read_by_itself_and_changes_nothing_for_others() {
    for lists in [Lists::LagBehind, Lists::AreReversed, Lists::HaveABadItem] {
        let world = World::new(lists).await;
        for _ in 0..2 {
            world.ask_for_existing(60).await;
            let requests = world.requests();
            assert_eq!(requests[0], 60, "{lists:?}");
            assert!(requests.len() <= 2, "{lists:?}");
        }
    }
}

#[tokio::test]
async fn an_object_that_is_not_kept_is_not_taken_for_one_that_lists_do_not_show() {
    for lists in [Lists::HaveALargeItem, Lists::HaveABadItem] {
        let world = World::new(lists).await;
        world.ask([0, EXISTING]).await;
        world.requests();
        world.ask_for_existing(30).await;
        assert_eq!(world.requests()[0], 30, "{lists:?}");
    }
}

#[tokio::test]
async fn a_large_object_costs_no_request_of_its_own() {
    let world = World::new(Lists::HaveALargeItem).await;
    world.ask_for_existing(30).await;
    assert_eq!(world.requests(), [30]);
}

#[tokio::test]
async fn a_page_that_is_too_large_is_halved() {
    let world = World::new(Lists::AreTooLargeAbove(3)).await;
    world.ask_for_existing(10).await;
    assert_eq!(world.requests(), [10, 5, 5, 3, 3, 2, 2]);
}

#[tokio::test]
async fn nothing_is_concluded_from_a_failed_list() {
    let world = World::new(Lists::Fail).await;
    let found = world.ask([1, EXISTING]).await;
    assert!(found.iter().all(Result::is_err));
    assert_eq!(world.requests(), [2]);
    *world.server.lists.lock().unwrap() = Lists::Work;
    world.ask_for_existing(2).await;
}

#[tokio::test]
async fn who_joins_a_request_that_is_refused_to_the_first_sends_one_of_its_own() {
    let world = World::new(Lists::Work).await;
    let shared = ResourceKey::new("ClusterConnection", "", "shared");
    let limit = Limit {
        requests: 8,
        per: WINDOW,
    };
    let budget = world.session.transport.budget();
    budget.join(&shared, Some(limit), Instant::now());
    let [observer, editor] = [Priority::Observation, Priority::Change].map(|priority| {
        world.session.for_purpose(Purpose {
            key: ResourceKey::new("Kind", "apps", &format!("{priority:?}")),
            priority,
            requests: 1,
        })
    });
    let observe = async |session: &Session, number| {
        let id = id(number);
        session
            .observe::<ProviderAuthConfig>(&id, Instant::now())
            .await
    };
    for number in [1, 2] {
        assert!(observe(&observer, number).await.is_ok());
    }
    assert_eq!(world.requests(), [0, 0], "the share of observations");
    let (refused, found) = tokio::join!(observe(&observer, 3), observe(&editor, 4));
    assert!(matches!(refused, Err(RemoteError::BudgetSpent(_))));
    assert!(found.is_ok());
    assert_eq!(world.requests(), [0]);
}

#[tokio::test]
async fn a_batch_keeps_no_session_for_which_nobody_waits() {
    let world = World::new(Lists::Work).await;
    let (session, id) = (&world.session, id(1));
    let ids = [id.clone()];
    let observed = session.observe::<ProviderAuthConfig>(&id, Instant::now());
    let depending = session.dependents::<ProviderAuthCredentials>(&ids);
    // A batch waits for others first, so both are given up.
    assert!(observed.now_or_never().is_none());
    assert!(depending.now_or_never().is_none());
    let loader = Arc::downgrade(&session.loader);
    drop(world);
    assert!(loader.upgrade().is_none());
}
