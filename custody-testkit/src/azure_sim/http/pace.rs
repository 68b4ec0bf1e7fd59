use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::azure_sim::scenario::Bandwidth;

/// A link of limited speed. Whoever sends over it books its time; bookings follow one another without gaps.
#[derive(Debug)]
pub(crate) struct Link {
    bytes_per_second: u64,
    free_at: Mutex<Instant>,
}

/// How far sending may run ahead of the link's clock: timers are no finer than that.
const SLACK: Duration = Duration::from_millis(4);

impl Link {
    fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            free_at: Mutex::new(Instant::now()),
        }
    }

    /// Books time for the bytes; returns when they have left.
    fn book(&self, bytes: u64) -> Instant {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = (*free_at).max(Instant::now().checked_sub(SLACK).unwrap_or(*free_at));
        let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second);
        *free_at = begins + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        *free_at
    }

    /// Waits until the bytes have left over all of the links.
    pub(crate) async fn send(links: &[Arc<Self>], bytes: u64) {
        let left = links.iter().map(|link| link.book(bytes)).max();
        if let Some(left) = left
            && left > Instant::now() + SLACK
        {
            tokio::time::sleep_until(left).await;
        }
    }
}

/// The links between the cloud and its callers.
#[derive(Debug)]
pub(crate) struct Links {
    bandwidth: Bandwidth,
    total: Option<Arc<Link>>,
    hosts: Mutex<HashMap<String, Arc<Link>>>,
}

impl Links {
    pub(crate) fn new(bandwidth: &Bandwidth) -> Self {
        Self {
            bandwidth: bandwidth.clone(),
            total: bandwidth.total.map(|speed| Arc::new(Link::new(speed))),
            hosts: Mutex::default(),
        }
    }

    /// All links that an answer of a host goes over.
    pub(crate) fn over(&self, host: &str) -> Vec<Arc<Link>> {
        let mut links: Vec<Arc<Link>> = self.total.iter().map(Arc::clone).collect();
        links.extend(self.bandwidth.per_answer.map(|speed| Arc::new(Link::new(speed))));
        if let Some(speed) = self.bandwidth.per_host {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            let link = hosts
                .entry(host.to_string())
                .or_insert_with(|| Arc::new(Link::new(speed)));
            links.push(Arc::clone(link));
        }
        links
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_senders_share_a_link() {
        let links = Links::new(&Bandwidth::link(5_000_000));
        let began = Instant::now();
        let send = |bytes| {
            let over = links.over("a");
            async move { Link::send(&over, bytes).await }
        };
        futures::future::join(send(500_000), send(500_000)).await;
        let took = began.elapsed();
        // Later is the machine's business; earlier is a fault.
        assert!(took >= Duration::from_millis(190), "{took:?}");
    }
}
