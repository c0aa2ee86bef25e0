//! Conditions that are tables or blocks of their own: TOML to values.

use super::load_error::LoadError;
use super::model::{
    AttributeCondition, Block, HttpCondition, ProtobufCondition, RtpCondition, StunCondition,
};
use super::pattern::Pattern;
use super::toml_view::{TableView, range};
use crate::dissect::protobuf::Field;
use crate::five_tuple::Address;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

pub(super) fn block(text: &str) -> Result<Block, String> {
    let wrong = || format!("a block such as 192.0.2.0/24 or 2001:db8::/32, found \"{text}\"");
    let (address, bits) = text.split_once('/').ok_or_else(wrong)?;
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let bits: u8 = bits.parse().map_err(|_| wrong())?;
    let (width, offset) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
    if bits > width {
        return Err(wrong());
    }
    let network = match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(u32::from(32 - bits)).unwrap_or(0);
            IpAddr::from((v4.to_bits() & mask).to_be_bytes())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(u32::from(128 - bits)).unwrap_or(0);
            IpAddr::from((v6.to_bits() & mask).to_be_bytes())
        }
    };
    if network != address {
        return Err(format!("the block's first address, {network}/{bits}, found \"{text}\""));
    }
    Ok(Block { first: Address::from(address), bits: bits + offset })
}

pub(super) fn http(table: &TableView<'_>) -> Result<HttpCondition, LoadError> {
    let lower = |key| table.text(key).map(|text| text.map(str::to_ascii_lowercase));
    let http = HttpCondition {
        methods: table.texts("method", |text| Ok(text.to_owned()))?,
        urls: table.texts("url", |text| match text.starts_with('/') {
            true => Ok(text.to_owned()),
            false => Err(format!("a path that begins with '/', found \"{text}\"")),
        })?,
        user_agents: table.texts("user_agent", |text| Ok(text.to_ascii_lowercase()))?,
        without_user_agent: lower("without_user_agent")?,
        referer: lower("referer")?,
        upgrade: lower("upgrade")?,
        disposition: lower("disposition")?,
        body: table.texts("body", |text| Pattern::parse(text, 0))?.pop(),
    };
    table.refuse_unknown()?;
    if http.disposition.is_some()
        && (!http.methods.is_empty()
            || !http.urls.is_empty()
            || !http.user_agents.is_empty()
            || http.referer.is_some()
            || http.upgrade.is_some())
    {
        return Err(
            table.error("disposition", "no request words beside disposition: it speaks of a response")
        );
    }
    Ok(http)
}

fn attribute_type(text: &str) -> Result<u16, String> {
    match u16::from_str_radix(text, 16) {
        Ok(kind) if text.len() == 4 => Ok(kind),
        _ => Err(format!("four hex digits such as 4000, found \"{text}\"")),
    }
}

pub(super) fn stun(table: &TableView<'_>) -> Result<StunCondition, LoadError> {
    let attribute = |text: &str| {
        let (kind, lengths) =
            text.split_once(':').ok_or_else(|| format!("TYPE:LENGTH such as 4000:102, found \"{text}\""))?;
        let lengths = match lengths {
            "*" => Vec::new(),
            lengths => {
                let ranges: Option<Vec<_>> = lengths.split('|').map(range).collect();
                ranges.ok_or_else(|| {
                    format!("a length, a range 14-16, alternatives 102|150 or *, found \"{text}\"")
                })?
            }
        };
        Ok(AttributeCondition { kind: attribute_type(kind)?, lengths })
    };
    let stun = StunCondition {
        types: table.numbers("type", 0..=0x3fff)?.into_iter().map(|kind| kind as u16).collect(),
        attributes: table.texts("attributes", attribute)?,
        only: table.flag("only")?,
        first: table.texts("first", attribute_type)?.pop(),
        without: table.numbers("without", 0..=0xffff)?.into_iter().map(|kind| kind as u16).collect(),
        xor_destination: table.texts("xor_destination", attribute_type)?.pop(),
        clock: table.texts("clock", attribute_type)?.pop(),
        printable_id: table.flag("printable_id")?,
    };
    table.refuse_unknown()?;
    Ok(stun)
}

pub(super) fn protobuf(table: &TableView<'_>) -> Result<ProtobufCondition, LoadError> {
    let field = |text: &str| {
        let wrong = || {
            format!(
                "FIELD:varint, FIELD:length, FIELD:bytes or FIELD=NUMBER such as 1:varint, found \"{text}\""
            )
        };
        if let Some((number, value)) = text.split_once('=') {
            let value = value.parse().map_err(|_| wrong())?;
            return Ok((number.parse().map_err(|_| wrong())?, Field::Number(value)));
        }
        let (number, kind) = text.split_once(':').ok_or_else(wrong)?;
        let kind = match kind {
            "varint" => Field::Varint,
            "length" => Field::LengthOfNext,
            "bytes" => Field::Bytes,
            _ => return Err(wrong()),
        };
        Ok((number.parse().map_err(|_| wrong())?, kind))
    };
    let protobuf = ProtobufCondition {
        at: table.number("at", 0..=1500)?.unwrap_or(0) as u16,
        fields: table.texts("fields", field)?,
    };
    table.refuse_unknown()?;
    if protobuf.fields.is_empty() {
        return Err(table.error("fields", "a list of fields such as 1:varint"));
    }
    Ok(protobuf)
}

pub(super) fn rtp(table: &TableView<'_>) -> Result<RtpCondition, LoadError> {
    let rtp = RtpCondition {
        payload_types: table.numbers("payload_type", 0..=127)?.into_iter().map(|kind| kind as u8).collect(),
        profiles: table.texts("profile", |text| match text {
            "none" => Ok(None),
            hex => attribute_type(hex).map(Some),
        })?,
    };
    table.refuse_unknown()?;
    Ok(rtp)
}
