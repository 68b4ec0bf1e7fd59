//! A proxy that tunnels, and notes for whom and where to; or that refuses.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What a proxy does when it is asked for a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conduct {
    Tunnels,
    /// Answers this status.
    Answers(&'static str),
    /// Closes the connection.
    Closes,
}

/// A request for a tunnel.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
}

/// A proxy on a port of its own, until the test ends.
pub(crate) struct Proxy {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Proxy {
    pub(crate) fn start(conduct: Conduct) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let notes = asked.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (Ok(connection), notes) = (connection, notes.clone()) else {
                    return;
                };
                // A connection that breaks is the client's to tell of.
                std::thread::spawn(move || drop(serve(&connection, conduct, &notes)));
            }
        });
        Self { address, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Where tunnels were asked to, each once.
    pub(crate) fn targets(&self) -> Vec<String> {
        let targets = self.asked().into_iter().map(|asked| {
            let mut words = asked.line.split(' ');
            assert_eq!(words.next(), Some("CONNECT"), "{}", asked.line);
            words.next().unwrap().to_owned()
        });
        let mut targets: Vec<String> = targets.collect();
        targets.sort();
        targets.dedup();
        targets
    }
}

fn serve(connection: &TcpStream, conduct: Conduct, notes: &Mutex<Vec<Asked>>) -> io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let Some((first, headers)) = lines.split_first() else {
        return Ok(());
    };
    let authorization = headers.iter().find_map(|header| {
        let (name, value) = header.split_once(':')?;
        name.eq_ignore_ascii_case("proxy-authorization")
            .then(|| value.trim().to_owned())
    });
    notes.lock().unwrap().push(Asked {
        line: first.clone(),
        authorization,
    });
    let mut back = connection.try_clone()?;
    match conduct {
        Conduct::Closes => return connection.shutdown(Shutdown::Both),
        Conduct::Answers(status) => {
            write!(
                back,
                "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )?;
            return back.shutdown(Shutdown::Both);
        }
        Conduct::Tunnels => {}
    }
    let target = first.split(' ').nth(1).unwrap_or_default();
    let mut there = TcpStream::connect(target)?;
    back.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let mut from_there = there.try_clone()?;
    let answers = std::thread::spawn(move || {
        let copied = io::copy(&mut from_there, &mut back);
        drop(back.shutdown(Shutdown::Both));
        copied
    });
    let early = reader.buffer().len() as u64;
    io::copy(&mut (&mut reader).take(early), &mut there)?;
    let copied = io::copy(&mut connection.try_clone()?, &mut there);
    drop(there.shutdown(Shutdown::Both));
    drop(answers.join());
    copied.map(drop)
}
