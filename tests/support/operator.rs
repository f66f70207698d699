//! The operator in this process, on a runtime of its own: killing it drops every one of its tasks where it stands.

use super::PATIENCE;
use kube::Client;
use metorial_operator::reconcile::run;
use metorial_operator::settings::Settings;
use std::sync::mpsc;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running operator. Dropping it kills it.
pub struct Operator {
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
    done: Option<JoinHandle<Result<(), String>>>,
}

impl Operator {
    /// Starts one; `client` builds its client inside its own runtime.
    pub fn start(settings: Settings, client: impl FnOnce() -> Client + Send + 'static) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (stop, stopped) = oneshot::channel();
        let done = runtime.spawn(async move {
            let stop = async move {
                stopped.await.ok();
            };
            run(settings, client(), stop)
                .await
                .map_err(|error| error.to_string())
        });
        Self {
            runtime: Some(runtime),
            stop: Some(stop),
            done: Some(done),
        }
    }

    /// As SIGTERM does: drains, and answers how the process would end. Nothing of it runs any more.
    pub async fn stop(mut self) -> Result<(), String> {
        self.stop.take().map(|stop| stop.send(()));
        let ended = self.done.take().unwrap().await.unwrap();
        self.kill();
        ended
    }

    /// As SIGKILL does: nothing of it runs any more.
    pub fn kill(mut self) {
        if let Some(stop) = self.stop.take() {
            std::mem::forget(stop);
        }
        let runtime = self.runtime.take().unwrap();
        let (send, ended) = mpsc::channel();
        // Dropping a runtime waits for the tasks that run at this moment, which must not be done where others are polled.
        std::thread::spawn(move || {
            drop(runtime);
            send.send(()).ok();
        });
        let ended = ended.recv_timeout(PATIENCE);
        ended.expect("nothing of a killed operator runs any more");
    }

    /// Whether it ended by itself, and how.
    pub async fn ended(mut self) -> Result<(), String> {
        let ended = self.done.take().unwrap().await.unwrap();
        self.kill();
        ended
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            std::mem::forget(stop);
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
