//! Listener, and the processing of a request: journal, faults, API, delivery.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::access;
use crate::actions::{Action, Content};
use crate::admin;
use crate::api::{self, Between, Reply};
use crate::connection::{Connection, Delivery, Unreadable};
use crate::errors::ApiError;
use crate::http::{Request, Response};
use crate::journal::Entry;
use crate::objects::Collection;
use crate::shared::Shared;

/// Largest number of connections; further ones are reset.
const MOST_CONNECTIONS: usize = 1024;

/// Serves until the future is dropped, which also closes the connections.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, peer)) = accepted else { continue };
                let refuses = *shared.down.borrow() || connections.len() >= MOST_CONNECTIONS;
                if refuses {
                    Connection::new(stream, peer.ip()).reset();
                } else {
                    connections.spawn(connection(stream, peer, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    // A failure affects only latency.
    let _ = stream.set_nodelay(true);
    let mut down = shared.down.subscribe();
    let mut connection = Connection::new(stream, peer.ip());
    tokio::select! {
        () = answer_all(&mut connection, &shared) => {}
        _ = down.wait_for(|&down| down) => connection.reset(),
    }
}

async fn answer_all(connection: &mut Connection, shared: &Arc<Shared>) {
    loop {
        let (request, keep) = match connection.read().await {
            Ok(read) => read,
            Err(Unreadable::Closed) => return,
            Err(Unreadable::Refused(status)) => {
                let error = ApiError::new(status, "bad_request", "The request can't be read.");
                let body = error.body().to_string().into_bytes();
                let response = shared.response(status, Vec::new(), body);
                connection.deliver(Delivery::Whole(response), false).await;
                return;
            }
        };
        let delivery = if admin::matches(&request) {
            Delivery::Whole(admin::answer(shared, &request))
        } else {
            answer(shared, request).await
        };
        if !connection.deliver(delivery, keep).await {
            return;
        }
    }
}

/// Adds a request to the journal and processes it, with the fault that applies to it.
async fn answer(shared: &Arc<Shared>, request: Request) -> Delivery {
    let instance = access::instance_of(&shared.state(), &request);
    let action = shared
        .faults
        .action_for(&request.method, &request.path, instance.as_ref());
    let seq = shared.journal.enter(Entry {
        seq: 0,
        at: Instant::now(),
        answered_at: None,
        method: request.method.clone(),
        path: request.path.clone(),
        query: request.query.clone(),
        status: 0,
        body: journaled(&request.body),
        applied: false,
        instance,
        user_agent: request.header("user-agent").map(str::to_owned),
        request_id: None,
        peer: request.peer,
    });
    let delivery = match action {
        None => Delivery::Whole(
            apply(shared, &request, seq, Between::Nothing)
                .await
                .response,
        ),
        Some(action) => answer_with_fault(shared, request, seq, action).await,
    };
    shared.journal.amend(seq, |entry| {
        entry.answered_at = Some(Instant::now());
        entry.status = status_of(&delivery);
    });
    delivery
}

fn status_of(delivery: &Delivery) -> u16 {
    match delivery {
        Delivery::Whole(response)
        | Delivery::Cut(response, _)
        | Delivery::Drip(response)
        | Delivery::Padded(response, _)
        | Delivery::PaddedHead(response, _) => response.status,
        Delivery::Close | Delivery::Hang => 0,
    }
}

fn journaled(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body)
        .unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into())
}

async fn apply(shared: &Arc<Shared>, request: &Request, seq: u64, between: Between) -> Reply {
    let reply = api::handle(shared, request, between).await;
    shared.journal.amend(seq, |entry| {
        entry.applied = reply.applied;
        entry.request_id = reply.request_id.clone();
    });
    reply
}

/// Processes a request that a fault applies to.
async fn answer_with_fault(
    shared: &Arc<Shared>,
    request: Request,
    seq: u64,
    action: Action,
) -> Delivery {
    match action {
        Action::Answer {
            status,
            headers,
            body,
        } => return Delivery::Whole(shared.response(status, headers, body.0)),
        Action::ApiAnswer {
            status,
            headers,
            body,
        } => return scripted(shared, &request, seq, status, headers, body.0),
        Action::CloseBefore => return Delivery::Close,
        Action::Hang => return Delivery::Hang,
        Action::ApplyLater(delay) => return apply_later(shared, request, seq, delay),
        Action::Delay(duration) => tokio::time::sleep(duration).await,
        Action::HoldBefore(ref gate) => gate.wait().await,
        Action::HoldAfterRead(ref gate) if request.method != "PATCH" => gate.wait().await,
        Action::FailHalfway if !is_patch_of_credentials(&request) => {
            let body = ApiError::internal().body().to_string().into_bytes();
            return scripted(shared, &request, seq, 500, Vec::new(), body);
        }
        _ => {}
    }
    let between = match &action {
        Action::HoldAfterRead(gate) => Between::Wait(gate.clone()),
        Action::FailHalfway => Between::Fail,
        _ => Between::Nothing,
    };
    let response = apply(shared, &request, seq, between).await.response;
    after_applying(shared, response, action).await
}

fn is_patch_of_credentials(request: &Request) -> bool {
    let mut segments = request.path.split('/').skip(1);
    request.method == "PATCH" && segments.next() == Some(Collection::AuthCredentials.name())
}

/// Returns an answer with the API's own headers, except those that are given.
fn scripted(
    shared: &Shared,
    request: &Request,
    seq: u64,
    status: u16,
    mut headers: Vec<(String, String)>,
    body: Vec<u8>,
) -> Delivery {
    let (mut own, request_id) = shared.state().headers_of_scripted(request, status);
    own.retain(|(name, _)| {
        let mut given = headers.iter();
        !given.any(|(given, _)| given.eq_ignore_ascii_case(name))
    });
    headers.extend(own);
    shared
        .journal
        .amend(seq, |entry| entry.request_id = request_id);
    Delivery::Whole(shared.response(status, headers, body))
}

/// Answers 504, and applies the request in the background after a delay.
fn apply_later(shared: &Arc<Shared>, request: Request, seq: u64, delay: Duration) -> Delivery {
    let error = ApiError::new(504, "timeout", "The request took too long.");
    let body = error.body().to_string().into_bytes();
    let answer = scripted(shared, &request, seq, 504, Vec::new(), body);
    let later = Arc::clone(shared);
    shared.in_background(async move {
        tokio::time::sleep(delay).await;
        apply(&later, &request, seq, Between::Nothing).await;
    });
    answer
}

/// Returns the delivery of an applied request's response, as changed by the fault.
async fn after_applying(shared: &Shared, mut response: Response, action: Action) -> Delivery {
    match action {
        Action::AnswerAfterApply {
            status,
            headers,
            body,
        } => Delivery::Whole(shared.response(status, headers, body.0)),
        Action::CloseAfterApply => Delivery::Close,
        Action::HangAfterApply => Delivery::Hang,
        Action::CutAnswer(at) => Delivery::Cut(response, at),
        Action::CutShort(Content(mut body)) => {
            let sent = body.len();
            body.push(b' ');
            Delivery::Cut(shared.response(200, Vec::new(), body), sent)
        }
        Action::Drip => Delivery::Drip(response),
        Action::Rewrite(rewrite) => {
            let mut answer = serde_json::from_slice(&response.body).unwrap_or_default();
            rewrite.apply(&mut answer);
            response.body = answer.to_string().into_bytes();
            Delivery::Whole(response)
        }
        Action::Pad(bytes) => Delivery::Padded(response, bytes),
        Action::PadHeaders(lines) => Delivery::PaddedHead(response, lines),
        Action::HoldAfterApply(gate) => {
            gate.wait().await;
            Delivery::Whole(response)
        }
        Action::CloseAfterHold(gate) => {
            gate.wait().await;
            Delivery::Close
        }
        _ => Delivery::Whole(response),
    }
}
