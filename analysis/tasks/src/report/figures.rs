//! Cumulative distributions: the panels of figures 6 and 7.

use wiremark_report::{Figure, Line};

use crate::distribution::Distribution;
use crate::usage::Usage;
use crate::user::User;

fn of_times(name: &'static str, times_us: &Distribution) -> Line {
    let steps = times_us.steps().into_iter().map(|(value, share)| (value / 1e6, share)).collect();
    Line { name, count: times_us.len(), steps }
}

/// Figures 6(a) to 6(d), 7(a) and 7(b).
pub fn figures(usage: &Usage) -> Vec<Figure> {
    let of_users = |name, value: &dyn Fn(&User) -> f64| {
        Line::of_values(name, usage.app_users().map(|(_, user)| value(user)).collect())
    };
    let sum = |[up, down]: [u64; 2]| (up + down) as f64;
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole * 100.0 } else { 0.0 };
    let seconds = |title, unit, is_logarithmic, of: &dyn Fn(&User, u64) -> f64| Figure {
        title,
        unit,
        of: "users",
        is_logarithmic,
        lines: vec![
            of_users("data transfer", &|user| of(user, user.app_transfer_s())),
            of_users("active", &|user| of(user, user.app_active_s())),
        ],
    };
    vec![
        Figure {
            title: "6(a) Volume per user",
            unit: "bytes",
            of: "users",
            is_logarithmic: true,
            lines: vec![of_users("volume", &|user| sum(user.app_bytes))],
        },
        Figure {
            title: "6(b) Share of a user's volume",
            unit: "%",
            of: "users",
            is_logarithmic: false,
            lines: vec![of_users("share", &|user| share(sum(user.app_bytes), sum(user.bytes)))],
        },
        seconds("6(c) Usage time per user", "s", true, &|_, seconds| seconds as f64),
        seconds("6(d) Share of a user's usage time", "%", false, &|user, seconds| {
            share(seconds as f64, user.active_s() as f64)
        }),
        Figure {
            title: "7(a) Completion time of a task",
            unit: "s",
            of: "tasks",
            is_logarithmic: true,
            lines: vec![
                of_times("W-TCP", &usage.completion_us[0]),
                of_times("W-HTTP", &usage.completion_us[1]),
            ],
        },
        Figure {
            title: "7(b) Time between tasks on a W-TCP flow",
            unit: "s",
            of: "tasks",
            is_logarithmic: true,
            lines: vec![of_times("W-TCP", &usage.between_us)],
        },
    ]
}
