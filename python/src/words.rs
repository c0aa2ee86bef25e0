//! The words of verdicts.

use wiremark::SignatureSet;

/// The words of verdicts, by number: what dictionaries of columns hold.
pub(crate) struct Words {
    pub(crate) apps: Vec<String>,
    /// Each word once, whichever apps use it.
    pub(crate) roles: Vec<String>,
    /// By app id: its place in `apps`, and those of its roles in `roles`, the first one's first.
    by_app: Vec<Option<(i8, Vec<i16>)>>,
}

impl Words {
    pub(crate) fn new(set: &SignatureSet) -> Self {
        let mut words = Self { apps: Vec::new(), roles: Vec::new(), by_app: Vec::new() };
        // As many as 127 apps have numbers here; the built-in set has a handful.
        for app in set.apps().iter().take(127) {
            let id = usize::from(app.id.0);
            if words.by_app.len() <= id {
                words.by_app.resize(id + 1, None);
            }
            let roles = app.roles.iter().map(|role| words.role_number(role)).collect();
            words.by_app[id] = Some((words.apps.len() as i8, roles));
            words.apps.push(app.name.clone());
        }
        words
    }

    fn role_number(&mut self, name: &str) -> i16 {
        let number = self.roles.iter().position(|role| role == name).unwrap_or_else(|| {
            self.roles.push(name.to_owned());
            self.roles.len() - 1
        });
        number as i16
    }

    /// Places of a verdict's app and role.
    #[inline]
    pub(crate) fn places(&self, verdict: wiremark::Verdict) -> Option<(i8, Option<i16>)> {
        let (app, roles) = self.by_app.get(usize::from(verdict.app.0))?.as_ref()?;
        Some((*app, roles.get(usize::from(verdict.role.0).wrapping_sub(1)).copied()))
    }
}
