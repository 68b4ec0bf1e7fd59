use std::future::Future;

use custody_core::{Error, Result};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Runs a request as a task of its own: it goes on while whoever asked for it is busy with something else, on another
/// thread where the runtime has one. Outside of a runtime it runs where it is awaited.
///
/// Dropping the future ends the request.
pub(super) async fn on_its_own<T: Send + 'static>(
    object: &str,
    request: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let Ok(runtime) = Handle::try_current() else {
        return request.await;
    };
    let mut task = EndedOnDrop(runtime.spawn(request));
    (&mut task.0).await.map_err(|error| Error::Provider {
        object: object.to_owned(),
        operation: "carrying a request to its end",
        source: Some(error.into()),
    })?
}

struct EndedOnDrop<T>(JoinHandle<T>);

impl<T> Drop for EndedOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn outside_of_a_runtime_a_request_runs_where_it_is_awaited() {
        let given = futures::executor::block_on(on_its_own("blob", async { Ok(7) }));
        assert_eq!(given.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_request_goes_on_while_nobody_polls_it() {
        let done = Arc::new(AtomicBool::new(false));
        let seen = done.clone();
        let mut request = Box::pin(on_its_own("blob", async move {
            tokio::task::yield_now().await;
            seen.store(true, Ordering::SeqCst);
            Ok(())
        }));
        assert!(futures::poll!(&mut request).is_pending());
        while !done.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        request.await.unwrap();
    }

    #[tokio::test]
    async fn a_request_that_is_dropped_is_ended() {
        let (alive, ended) = tokio::sync::oneshot::channel::<()>();
        let mut request = Box::pin(on_its_own("blob", async move {
            let _alive = alive;
            std::future::pending::<()>().await;
            Ok(())
        }));
        assert!(futures::poll!(&mut request).is_pending());
        tokio::task::yield_now().await;
        drop(request);
        assert!(ended.await.is_err(), "its end drops what it held");
    }
}
