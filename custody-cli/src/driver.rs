use std::io;

use crate::failure::Failure;

/// How many threads drive requests: decryption of what arrives is all that they compute.
const THREADS: usize = 2;

/// Drives a command to its end. A cloud's client needs the timers and sockets that this brings.
pub(crate) fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .map_err(|error: io::Error| Failure::system("threads", "start", error))?;
    runtime.block_on(command)
}
