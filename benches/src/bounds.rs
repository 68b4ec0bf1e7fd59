use std::process::ExitCode;

/// Figures beside the bounds that they are held to. A bench that misses one fails.
#[derive(Debug, Default)]
pub struct Bounds {
    missed: Vec<String>,
}

impl Bounds {
    /// Notes whether a figure is at most its bound, and gives the words to print beside it.
    #[must_use]
    pub fn hold(&mut self, name: &str, figure: f64, at_most: f64) -> String {
        if figure > at_most {
            self.missed
                .push(format!("{name}: {figure:.2}, at most {at_most:.2}"));
            return format!("MISSED, at most {at_most:.2}");
        }
        format!("at most {at_most:.2}")
    }

    /// Success if every bound was held; else names those that were not.
    #[must_use]
    pub fn exit_code(self) -> ExitCode {
        for line in &self.missed {
            println!("missed: {line}");
        }
        ExitCode::from(u8::from(!self.missed.is_empty()))
    }
}
