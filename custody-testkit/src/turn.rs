use std::task::Poll;

use futures::future::poll_fn;

/// Lets every other task have its turn once.
pub(crate) async fn give_way() {
    let mut given = false;
    poll_fn(move |context| {
        if given {
            return Poll::Ready(());
        }
        given = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
