use std::fmt;

use custody_core::Error;
use futures::executor::block_on;
use futures::future::LocalBoxFuture;

/// What a clause's check gives.
pub type Conforms = Result<(), ClauseFailure>;

/// How an implementation breaks a clause.
#[derive(Debug)]
pub struct ClauseFailure {
    what: String,
}

impl ClauseFailure {
    /// The clause is broken in this way.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }

    /// The harness does not offer what the clause needs.
    pub(super) fn not_offered(what: &str) -> Self {
        Self::new(format!(
            "the harness does not offer {what}: give it, or mount the suite with `ignore {{ this_test: \"why\" }}`"
        ))
    }
}

impl fmt::Display for ClauseFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for ClauseFailure {}

/// An error where none was due.
impl From<Error> for ClauseFailure {
    fn from(error: Error) -> Self {
        let causes = error.causes();
        Self::new(if causes.is_empty() {
            format!("unexpected error: {error}")
        } else {
            format!("unexpected error: {error} ({})", causes.join(": "))
        })
    }
}

/// A clause of a port, as a check on a harness.
pub struct Clause<H> {
    name: &'static str,
    check: for<'a> fn(&'a H) -> LocalBoxFuture<'a, Conforms>,
}

impl<H> Clause<H> {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, check: for<'a> fn(&'a H) -> LocalBoxFuture<'a, Conforms>) -> Self {
        Self { name, check }
    }

    /// The check's name, a sentence: `es_02_a_taken_name_is_refused`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The clause's number: `ES-02`.
    #[must_use]
    pub fn id(&self) -> String {
        let words: Vec<&str> = self.name.splitn(3, '_').take(2).collect();
        words.join("-").to_uppercase()
    }

    /// Checks the clause on a fresh harness.
    ///
    /// # Errors
    /// How the implementation breaks it.
    pub fn check(&self, harness: &H) -> Conforms {
        block_on((self.check)(harness))
    }
}

impl<H> fmt::Debug for Clause<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clause").field(&self.name).finish()
    }
}

/// Checks one clause on a fresh harness.
///
/// # Panics
/// When the implementation breaks the clause, naming how.
pub fn assert_conforms<H>(make: impl FnOnce() -> H, clause: impl AsyncFnOnce(&H) -> Conforms) {
    let harness = make();
    if let Err(failure) = block_on(clause(&harness)) {
        panic!("{failure}");
    }
}

/// Returns a failure unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::conformance::ClauseFailure::new(format!($($message)+)));
        }
    };
}
pub(super) use ensure;

/// Returns a failure unless the result is an error of this meaning.
macro_rules! refused {
    ($result:expr, $meaning:pat, $($message:tt)+) => {
        match $result {
            Err(error) if matches!(error.meaning(), $meaning) => {}
            Err(error) => {
                let what = format!($($message)+);
                return Err($crate::conformance::ClauseFailure::new(format!(
                    "{what}: {} was due, got: {error}", stringify!($meaning)
                )));
            }
            Ok(_) => {
                let what = format!($($message)+);
                return Err($crate::conformance::ClauseFailure::new(format!(
                    "{what}: {} was due, got success", stringify!($meaning)
                )));
            }
        }
    };
}
pub(super) use refused;

/// The table of a suite's clauses, and the macro that mounts them as tests.
macro_rules! suite {
    (($d:tt) $(#[$doc:meta])* $mount:ident, $module:ident, $harness:ty, [$($clause:ident),* $(,)?]) => {
        /// The suite's clauses, in order.
        pub const CLAUSES: &[$crate::conformance::Clause<$harness>] = &[
            $($crate::conformance::Clause::new(stringify!($clause), |harness| Box::pin($clause(harness)))),*
        ];

        $(#[$doc])*
        ///
        /// Takes an expression that is called for a fresh harness in each test, and optionally
        /// `ignore { clause_name: "why" }`.
        #[macro_export]
        macro_rules! $mount {
            ($d make:expr $d(, ignore { $d($d ignored:ident : $d why:literal),* $d(,)? })? $d(,)?) => {
                $crate::__mount! {
                    ($d) $d make, $module, [$($clause)*], [$d($d($d ignored : $d why)*)?]
                }
            };
        }
    };
}
pub(super) use suite;

/// One test for each clause. An ignored clause's name becomes a pattern of its own, which wins over the
/// pattern for all others.
#[doc(hidden)]
#[macro_export]
macro_rules! __mount {
    (($d:tt) $make:expr, $module:ident, [$($clause:ident)*], [$($ignored:ident : $why:literal)*]) => {
        macro_rules! __clause_test {
            $(($ignored) => {
                #[test]
                #[ignore = $why]
                fn $ignored() {
                    $crate::conformance::assert_conforms($make, $crate::conformance::$module::$ignored);
                }
            };)*
            ($d clause:ident) => {
                #[test]
                fn $d clause() {
                    $crate::conformance::assert_conforms($make, $crate::conformance::$module::$d clause);
                }
            };
        }
        $(__clause_test!($clause);)*
    };
}
