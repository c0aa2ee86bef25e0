//! TOML text to rows.

use super::equation::Equation;
use super::example;
use super::load_error::LoadError;
use super::load_tables::{block, http, protobuf, rtp, stun};
use super::model::{Anchor, App, Conditions, Example, HostPattern, Signature, Teaches};
use super::pattern::Pattern;
use super::shared_hosts::refuse_shared_hosts;
use super::toml_view::{TableView, parse};
use crate::five_tuple::{Direction, Transport};
use crate::verdict::{AppId, Carrier, Confidence, Role, SignatureId};
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// One signature file: a name for error messages, and its TOML text.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// How errors name the file.
    pub file: &'a str,
    /// Its whole text.
    pub text: &'a str,
}

/// Most `every` groups of one set: a flow keeps a bit for each.
const GROUPS: usize = 8;

/// What a row may say, in the order of `signatures/README.md`.
const KEYS: [&str; 36] = [
    "id",
    "name",
    "role",
    "why",
    "source",
    "seen",
    "hit",
    "miss",
    "transport",
    "direction",
    "prefix",
    "at",
    "start",
    "contains",
    "length",
    "equation",
    "port",
    "host",
    "carrier",
    "address",
    "http",
    "stun",
    "rtp",
    "protobuf",
    "ordinal",
    "moves",
    "unlike",
    "one_sided",
    "after",
    "joins",
    "reverse",
    "every",
    "unless",
    "teaches",
    "veto",
    "confidence",
];

/// Every file of a set, in order; apps and rows come out sorted by id.
pub(super) fn load(sources: &[Source<'_>]) -> Result<(Vec<App>, Vec<Signature>), LoadError> {
    let mut apps: Vec<App> = Vec::new();
    let mut signatures: Vec<Signature> = Vec::new();
    let mut groups: Vec<String> = Vec::new();
    for source in sources {
        let document = parse(source.file, source.text)?;
        let view = TableView::new(source.file, source.text, document.get_ref(), 0..0);
        let table = view.table("app")?.ok_or_else(|| view.error("app", "a table [app]"))?;
        let app = read_app(&table, source.file)?;
        if let Some(other) = apps.iter().find(|other| other.id == app.id || other.name == app.name) {
            return Err(
                table.error("id", &format!("an id and a name that {} does not use already", other.file))
            );
        }
        let rows = view.tables("signature")?;
        view.refuse_unknown()?;
        let mut named: BTreeMap<&str, (SignatureId, bool)> = BTreeMap::new();
        for row in &rows {
            let id = SignatureId(
                row.number("id", 1..=65_535)?.ok_or_else(|| row.error("id", "a number from 1"))? as u16,
            );
            let name = row.required_text("name")?;
            if named.insert(name, (id, row.flag("veto")?)).is_some() {
                return Err(row.error("name", "a name that no other row of this file has"));
            }
            if let Some(other) = signatures.iter().find(|other| other.id == id) {
                return Err(
                    row.error("id", &format!("an id of its own; {} is \"{}\" already", id.0, other.name))
                );
            }
            if named.values().filter(|(other, _)| *other == id).count() > 1 {
                return Err(
                    row.error("id", &format!("an id of its own; {} stands in this file already", id.0))
                );
            }
        }
        for mut row in rows {
            row.label = format!("signature \"{}\"", row.required_text("name")?);
            row.refuse_unlike(&KEYS)?;
            signatures.push(read_row(&row, &app, &named, &mut groups)?);
            row.refuse_unknown()?;
        }
        apps.push(app);
    }
    refuse_shared_hosts(&apps, &signatures)?;
    apps.sort_by_key(|app| app.id);
    signatures.sort_by_key(|signature| signature.id);
    Ok((apps, signatures))
}

fn read_app(table: &TableView<'_>, file: &str) -> Result<App, LoadError> {
    let id = table.number("id", 1..=65_535)?.ok_or_else(|| table.error("id", "a number from 1 to 65535"))?;
    let name = table.required_text("name")?;
    if name.chars().any(|c| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-') {
        return Err(table.error("name", "lower-case letters, digits and '-'"));
    }
    let roles = table.texts("roles", |text| Ok(text.to_owned()))?;
    if roles.is_empty() || roles.len() > 255 {
        return Err(table.error("roles", "a list of 1 to 255 roles"));
    }
    let lookup_role = table.text("lookup_role")?.map(|role| role_number(&roles, role)).transpose();
    let lookup_role = lookup_role.map_err(|expected| table.error("lookup_role", &expected))?;
    table.refuse_unknown()?;
    Ok(App { id: AppId(id as u16), name: name.to_owned(), roles, lookup_role, file: file.to_owned() })
}

fn role_number(roles: &[String], role: &str) -> Result<Role, String> {
    match roles.iter().position(|known| known == role) {
        Some(index) => Ok(Role(index as u8 + 1)),
        None => Err(format!("one of the app's roles {}, found \"{role}\"", roles.join(", "))),
    }
}

fn read_row(
    row: &TableView<'_>,
    app: &App,
    named: &BTreeMap<&str, (SignatureId, bool)>,
    groups: &mut Vec<String>,
) -> Result<Signature, LoadError> {
    let is_veto = row.flag("veto")?;
    let role = match row.text("role")? {
        Some(role) if !is_veto => {
            role_number(&app.roles, role).map_err(|expected| row.error("role", &expected))?
        }
        None if is_veto => Role(0),
        Some(_) => return Err(row.error("role", "no role in a veto row: it concludes nothing")),
        None => return Err(row.error("role", &format!("one of the app's roles {}", app.roles.join(", ")))),
    };
    let (since, until) = match row.table("seen")? {
        None => (0, 0),
        Some(seen) => {
            let years = (seen.number("since", 1990..=2999)?, seen.number("until", 1990..=2999)?);
            seen.refuse_unknown()?;
            if let (Some(since), Some(until)) = years
                && since > until
            {
                let expected = format!("since no later than until, found {since} and {until}");
                return Err(row.error("seen", &expected));
            }
            (years.0.unwrap_or(0) as u16, years.1.unwrap_or(0) as u16)
        }
    };
    let conditions = read_conditions(row, named, groups)?;
    let confidence = match row.word("confidence", &Confidence::ALL.map(|kind| (kind.name(), kind)))? {
        Some(Confidence::None) => return Err(row.error("confidence", "payload, name, related or address")),
        Some(confidence) => confidence,
        None => natural_confidence(&conditions),
    };
    let mut signature = Signature {
        id: SignatureId(row.number("id", 1..=65_535)?.unwrap_or(0) as u16),
        app: app.id,
        name: row.required_text("name")?.to_owned(),
        role,
        why: row.required_text("why")?.to_owned(),
        source: row.required_text("source")?.to_owned(),
        since,
        until,
        confidence,
        teaches: row.word(
            "teaches",
            &[("call", Teaches::Call), ("server", Teaches::Server), ("names", Teaches::Names)],
        )?,
        is_veto,
        conditions,
        hits: Vec::new(),
        misses: Vec::new(),
        line: row.line(),
    };
    let read = |text: &str| {
        let trial = example::parse(text, &signature.conditions)?;
        Ok(Example { text: text.to_owned(), trial })
    };
    let (hits, misses) = (row.texts("hit", read)?, row.texts("miss", read)?);
    for (key, examples) in [("hit", &hits), ("miss", &misses)] {
        if examples.is_empty() {
            return Err(row.error(key, "at least one example"));
        }
    }
    (signature.hits, signature.misses) = (hits, misses);
    Ok(signature)
}

fn natural_confidence(conditions: &Conditions) -> Confidence {
    let looks_at_bytes = conditions.prefix.is_some()
        || !conditions.contains.is_empty()
        || !conditions.equations.is_empty()
        || !conditions.length.is_empty()
        || conditions.http.is_some()
        || conditions.stun.is_some()
        || conditions.rtp.is_some();
    match (looks_at_bytes, conditions.hosts.is_empty()) {
        (true, _) => Confidence::Payload,
        (false, false) => Confidence::Name,
        (false, true) => Confidence::Address,
    }
}

fn read_conditions(
    row: &TableView<'_>,
    named: &BTreeMap<&str, (SignatureId, bool)>,
    groups: &mut Vec<String>,
) -> Result<Conditions, LoadError> {
    let at = row.number("at", 0..=65_535)?.unwrap_or(0) as usize;
    let pattern = |text: &str| Pattern::parse(text, at);
    let literal = |text: &str| {
        Pattern::parse(text, 0)?.literal().ok_or_else(|| String::from("plain bytes and text, no wildcards"))
    };
    let referred = |text: &str| {
        named.get(text).copied().ok_or_else(|| format!("the name of a row in this file, found \"{text}\""))
    };
    let conditions = Conditions {
        transport: row
            .word("transport", &[("tcp", Transport::Tcp), ("udp", Transport::Udp)])?
            .or((row.has("stun") || row.has("rtp")).then_some(Transport::Udp)),
        direction: row.word("direction", &[("up", Direction::Originator), ("down", Direction::Responder)])?,
        any_segment: row.word("start", &[("stream", false), ("segment", true)])?.unwrap_or(false),
        prefix: row.texts("prefix", pattern)?.pop(),
        contains: row.texts("contains", literal)?.pop().unwrap_or_default(),
        length: row.ranges("length", 0..=65_535)?,
        equations: row.texts("equation", Equation::parse)?,
        ports: row.ranges("port", 1..=65_535)?,
        hosts: row.texts("host", HostPattern::parse)?.into_iter().flatten().collect(),
        carriers: row.texts("carrier", |text| {
            let names = [Carrier::Dns, Carrier::Http, Carrier::Tls, Carrier::Quic];
            let found = names.into_iter().find(|carrier| carrier.name() == text);
            found.ok_or_else(|| format!("dns, http, tls or quic, found \"{text}\""))
        })?,
        addresses: row.texts("address", block)?,
        http: row.table("http")?.map(|table| http(&table)).transpose()?,
        stun: row.table("stun")?.map(|table| stun(&table)).transpose()?,
        rtp: row.table("rtp")?.map(|table| rtp(&table)).transpose()?,
        protobuf: row.table("protobuf")?.map(|table| protobuf(&table)).transpose()?,
        ordinal: row.ranges("ordinal", 1..=255)?,
        moves: row.ranges("moves", 0..=11)?.pop(),
        unlike: row.ranges("unlike", 0..=11)?.pop(),
        is_one_sided: row.flag("one_sided")?,
        asks_for_history: ["ordinal", "moves", "unlike", "one_sided"].iter().any(|key| row.has(key)),
        after: row.texts("after", |text| referred(text).map(|(id, _)| id))?,
        joins_call: row.word("joins", &[("call", true)])?.unwrap_or(false),
        reverse: row.texts("reverse", |text| referred(text).map(|(id, _)| id))?.pop(),
        every: match row.text("every")? {
            None => None,
            Some(group) => {
                Some(group_number(groups, group).map_err(|expected| row.error("every", &expected))?)
            }
        },
        unless: row.texts("unless", |text| match referred(text)? {
            (id, true) => Ok(id),
            _ => Err(format!("the name of a veto row, found \"{text}\"")),
        })?,
    };
    for key in ["prefix", "contains", "reverse"] {
        if row.texts(key, |_| Ok(()))?.len() > 1 {
            return Err(row.error(key, "one string, not a list"));
        }
    }
    cross_check(row, &conditions)?;
    Ok(conditions)
}

/// What only shows when all of a row's conditions stand side by side.
fn cross_check(row: &TableView<'_>, conditions: &Conditions) -> Result<(), LoadError> {
    let Conditions { transport, hosts, http, stun, rtp, .. } = conditions;
    for key in ["prefix", "contains", "length", "equation"] {
        if row.has(key) && transport.is_none() && stun.is_none() && rtp.is_none() {
            return Err(row.error("transport", &format!("\"tcp\" or \"udp\" beside {key}")));
        }
    }
    if (stun.is_some() || rtp.is_some()) && *transport == Some(Transport::Tcp) {
        return Err(row.error("transport", "\"udp\" or nothing beside stun and rtp"));
    }
    if conditions.every.is_some() && *transport != Some(Transport::Udp) {
        return Err(row.error("transport", "\"udp\" beside every"));
    }
    for key in ["protobuf", "ordinal", "moves", "unlike", "one_sided", "after", "joins"] {
        // Datagrams that tell nothing are passed over uncounted, which only a group notices.
        if row.has(key) && conditions.every.is_none() {
            return Err(row.error("every", &format!("a group beside {key}")));
        }
    }
    if http.is_some() && *transport == Some(Transport::Udp) {
        return Err(row.error("transport", "\"tcp\" or nothing beside http"));
    }
    if conditions.any_segment && (*transport != Some(Transport::Tcp) || conditions.prefix.is_none()) {
        return Err(row.error("start", "transport \"tcp\" and a prefix beside start = \"segment\""));
    }
    let Some(anchor) = conditions.anchor() else {
        let expected = "a condition to find the row by: prefix, contains, host, http, stun, rtp or address";
        return Err(row.error("prefix", expected));
    };
    if http.is_some() && anchor != Anchor::Http {
        return Err(row.error("http", "no prefix beside http"));
    }
    if matches!(anchor, Anchor::Host | Anchor::Address) {
        // A name or an address is looked up by itself: nothing of the packet around it is at hand.
        for key in
            ["port", "direction", "length", "equation", "contains", "reverse", "every", "unless", "veto"]
        {
            if row.has(key) {
                return Err(row.error(key, "nothing but carrier beside host, and nothing beside address"));
            }
        }
    }
    if !hosts.is_empty() && !matches!(anchor, Anchor::Http | Anchor::Host) {
        return Err(row.error("host", "beside host only carrier, or http with its conditions"));
    }
    Ok(())
}

fn group_number(groups: &mut Vec<String>, group: &str) -> Result<u8, String> {
    let index = groups.iter().position(|known| known == group).unwrap_or(groups.len());
    if index == GROUPS {
        return Err(format!("at most {GROUPS} groups in a set"));
    }
    if index == groups.len() {
        groups.push(group.to_owned());
    }
    Ok(index as u8)
}
