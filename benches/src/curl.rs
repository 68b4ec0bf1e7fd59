use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// curl: what a measurement of a link is compared with. What it asks for goes in by its standard input, so that no
/// signature is in its arguments.
#[derive(Debug, Clone, Default)]
pub struct Curl {
    certificate: Option<PathBuf>,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    method: &'static str,
    address: String,
    headers: Vec<String>,
    body: Option<String>,
    range: Option<Range<u64>>,
}

/// What came back.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answer {
    /// Of the last answer.
    pub status: u16,
    head: String,
    /// What follows the headers.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers or body.
    #[must_use]
    pub fn new(method: &'static str, address: impl Into<String>) -> Self {
        Self {
            method,
            address: address.into(),
            headers: Vec::new(),
            body: None,
            range: None,
        }
    }

    /// Adds to the address's query.
    #[must_use]
    pub fn with_query(mut self, query: &str) -> Self {
        let joint = if self.address.contains('?') { '&' } else { '?' };
        self.address = format!("{}{joint}{query}", self.address);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(format!("{name}: {value}"));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Asks for these bytes alone.
    #[must_use]
    pub fn with_range(mut self, range: Range<u64>) -> Self {
        self.range = Some(range);
        self
    }

    /// For curl's settings file. All of it holds for one request alone.
    fn settings(&self, curl: &Curl) -> String {
        let mut text = String::from("silent\nshow-error\nhttp1.1\n");
        let mut line = |name: &str, value: &str| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            writeln!(text, "{name} = \"{value}\"").expect("writes to memory");
        };
        line("noproxy", "*");
        if let Some(certificate) = &curl.certificate {
            line("cacert", &certificate.to_string_lossy());
        }
        line("url", &self.address);
        match self.method {
            "HEAD" | "GET" => {}
            method => line("request", method),
        }
        for header in &self.headers {
            line("header", header);
        }
        if let Some(body) = &self.body {
            line("data", body);
        }
        if let Some(range) = &self.range {
            line("range", &format!("{}-{}", range.start, range.end - 1));
        }
        if self.method == "HEAD" {
            text.push_str("head\n");
        }
        text
    }
}

impl Answer {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Curl {
    /// With the certificate authority that this file holds.
    #[must_use]
    pub fn trusting(certificate: PathBuf) -> Self {
        Self {
            certificate: Some(certificate),
        }
    }

    /// Sends one request; any status is an answer.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    pub fn send(&self, request: &Request) -> Answer {
        let settings = format!("include\n{}", request.settings(self));
        let output = Self::run(&settings, &[]);
        let end = output
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("an answer has a head");
        let (head, body) = output.split_at(end + 4);
        let head = String::from_utf8_lossy(head).into_owned();
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        Answer {
            status: status.expect("an answer has a status"),
            head,
            body: body.to_vec(),
        }
    }

    /// Sends all requests, as many at once, throws the answers away, and says how long that took.
    ///
    /// # Panics
    /// When one of them fails.
    #[must_use]
    pub fn draw(&self, requests: &[Request], at_once: usize) -> Duration {
        let each: Vec<String> = requests
            .iter()
            .map(|request| format!("fail\noutput = \"/dev/null\"\n{}", request.settings(self)))
            .collect();
        let at_once = at_once.to_string();
        let start = Instant::now();
        let arguments = [
            "--no-progress-meter",
            "--parallel",
            "--parallel-immediate",
            "--parallel-max",
            &at_once,
        ];
        Self::run(&each.join("next\n"), &arguments);
        start.elapsed()
    }

    /// Draws one answer and gives the digest of its body that `sha256sum` makes meanwhile, with how long that took.
    ///
    /// # Panics
    /// When it fails.
    pub fn digest(&self, request: &Request) -> Duration {
        let start = Instant::now();
        let mut sum = Command::new("sha256sum")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("sha256sum is installed");
        let into = sum.stdin.take().expect("its input is piped");
        let mut curl = Self::command(&[])
            .stdin(Stdio::piped())
            .stdout(into)
            .spawn()
            .expect("curl is installed");
        let settings = format!("fail\n{}", request.settings(self));
        feed(&mut curl, &settings);
        assert!(curl.wait().is_ok_and(|status| status.success()), "curl failed");
        assert!(
            sum.wait().is_ok_and(|status| status.success()),
            "sha256sum failed"
        );
        start.elapsed()
    }

    fn command(arguments: &[&str]) -> Command {
        let mut command = Command::new("curl");
        command.arg("--disable").args(arguments).args(["--config", "-"]);
        command
    }

    fn run(settings: &str, arguments: &[&str]) -> Vec<u8> {
        let mut child = Self::command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("curl is installed");
        feed(&mut child, settings);
        let output = child.wait_with_output().expect("curl can be waited for");
        assert!(output.status.success(), "curl ended with {}", output.status);
        output.stdout
    }
}

fn feed(child: &mut std::process::Child, settings: &str) {
    let mut input = child.stdin.take().expect("its input is piped");
    input
        .write_all(settings.as_bytes())
        .expect("curl reads what it is asked for");
}
