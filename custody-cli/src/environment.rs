use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// Where the state lies when neither the command nor the environment says so, for the administrator.
/// Source: Filesystem Hierarchy Standard 3.0, section 5.8 (`/var/lib`), read 2026-11-21.
const SYSTEM_STATE: &str = "/var/lib/custody";
const STATE_NAME: &str = "custody";

/// What the environment says. Read here and nowhere else.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    state_home: Option<PathBuf>,
    home: Option<PathBuf>,
    /// Who called `sudo`, as sudo says. Anyone can set it.
    pub(crate) sudo_user: Option<OsString>,
    /// The proxy for addresses of a cloud, as the HTTP client reads it. May hold a password: never shown as it is.
    pub(crate) proxy: Option<String>,
}

/// By these names the HTTP client finds the proxy for https addresses, the first that is set.
const PROXY_NAMES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

impl Environment {
    pub(crate) fn read() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        Self {
            state_home: set("XDG_STATE_HOME").map(PathBuf::from),
            home: set("HOME").map(PathBuf::from),
            sudo_user: set("SUDO_USER"),
            proxy: PROXY_NAMES
                .into_iter()
                .find_map(set)
                .and_then(|proxy| proxy.into_string().ok()),
        }
    }

    /// The state folder that nobody named: `$XDG_STATE_HOME/custody`; otherwise `/var/lib/custody` for the
    /// administrator, `$HOME/.local/state/custody` for everyone else. A relative `XDG_STATE_HOME` is passed over.
    /// Source: XDG Base Directory Specification 0.8, read 2026-11-21.
    pub(crate) fn state_folder(&self, is_administrator: bool) -> Option<PathBuf> {
        let state_home = self.state_home.as_ref().filter(|path| path.is_absolute());
        if let Some(state_home) = state_home {
            return Some(state_home.join(STATE_NAME));
        }
        if is_administrator {
            return Some(SYSTEM_STATE.into());
        }
        let home = self.home.as_ref().filter(|path| path.is_absolute())?;
        Some(home.join(".local/state").join(STATE_NAME))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_state_folder_follows_the_environment_then_the_user() {
        let mut environment = Environment {
            home: Some("/home/max".into()),
            ..Environment::default()
        };
        let at = |environment: &Environment, root| environment.state_folder(root);
        assert_eq!(
            at(&environment, true).as_deref(),
            Some(Path::new("/var/lib/custody"))
        );
        let own = Path::new("/home/max/.local/state/custody");
        assert_eq!(at(&environment, false).as_deref(), Some(own));
        environment.state_home = Some("relative".into());
        assert_eq!(at(&environment, false).as_deref(), Some(own));
        environment.state_home = Some("/state".into());
        assert_eq!(
            at(&environment, true).as_deref(),
            Some(Path::new("/state/custody"))
        );
        assert_eq!(at(&Environment::default(), false), None);
    }
}
