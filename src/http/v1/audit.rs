//! The audit trail: who read or changed what.

use super::look;
use super::stored::utc;
use crate::app::audit::{self, Verified};
use crate::app::{AuditEntry, AuditFilter, Result};
use crate::auth::Action;
use crate::http::call::{Call, Page};
use crate::http::registry::{Endpoint, Parameter, ParameterKind};
use crate::http::reply::Reply;
use crate::http::state::State;
use crate::wire::scalar::{Id, Instant};
use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use std::borrow::Cow;
use uuid::Uuid;

/// An entry of the trail.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditEntry")]
struct EntryView {
    /// Its id.
    id: Id,
    /// When it happened.
    at: Instant,
    /// Who.
    principal: String,
    /// What they are to the service.
    role: String,
    /// What they did.
    action: String,
    /// The kind of record.
    resource_kind: String,
    /// The record.
    resource_id: Option<Id>,
    /// The patient it is about.
    patient_id: Option<Id>,
    /// How it ended: `done` or `read`.
    outcome: String,
    /// More about it; never personal content.
    detail: Option<String>,
    /// Its place in the chain, 1, 2, 3 …; null for the moment until it is sealed.
    sequence: Option<i64>,
    /// Its hash, which the next entry's hash is made of.
    hash: Option<String>,
}

impl From<&AuditEntry> for EntryView {
    fn from(entry: &AuditEntry) -> EntryView {
        let (of, seal) = (&entry.entry, entry.seal.as_ref());
        EntryView {
            id: Id(of.id),
            at: utc(of.at),
            principal: of.principal.clone(),
            role: of.role.clone(),
            action: of.action.clone(),
            resource_kind: of.resource_kind.clone(),
            resource_id: of.resource_id.map(Id),
            patient_id: of.patient.map(Id),
            outcome: of.outcome.clone(),
            detail: of.detail.clone(),
            sequence: seal.map(|seal| seal.sequence),
            hash: seal.map(|seal| seal.hash.clone()),
        }
    }
}

/// Whether the chain holds.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditVerification")]
struct VerificationView {
    /// Whether it does.
    holds: bool,
    /// How many entries it has, where it holds.
    entries: Option<u64>,
    /// The first place where it does not.
    broken_at: Option<i64>,
    /// Why it does not.
    why: Option<String>,
}

impl From<Verified> for VerificationView {
    fn from(verified: Verified) -> VerificationView {
        let (entries, broken_at, why) = match verified {
            Verified::Holds(entries) => (Some(entries), None, None),
            Verified::Broken(place, why) => (None, Some(place), Some(why)),
        };
        VerificationView {
            holds: broken_at.is_none(),
            entries,
            broken_at,
            why,
        }
    }
}

/// A page of the trail, or with `verify=true` whether its chain holds: only ever described, never made.
struct TrailAnswer;

impl JsonSchema for TrailAnswer {
    fn schema_name() -> Cow<'static, str> {
        "AuditTrail".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let page = generator.subschema_for::<Page<EntryView>>();
        let verification = generator.subschema_for::<VerificationView>();
        json_schema!({"oneOf": [page, verification]})
    }
}

/// What there is about the trail.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let text = |name, description| Parameter::new(name, ParameterKind::Text, description);
    vec![
        Endpoint::get("/v1/audit", "read_audit", Action::ReadAudit, read)
            .titled("audit", "Who read or changed what")
            .about("Newest first. Each entry is sealed into a chain of hashes within a moment; `verify=true` checks the whole chain instead of listing it.")
            .query(text("principal", "By this principal."))
            .query(text("action", "This action.").like("write_block"))
            .query(Parameter::new("patient_id", ParameterKind::Id, "About this patient."))
            .query(Parameter::new("resource_id", ParameterKind::Id, "About this record."))
            .query(text("from", "At this instant or later.").like("2026-03-01T00:00:00Z"))
            .query(text("until", "Before this instant.").like("2026-04-01T00:00:00Z"))
            .query(Parameter::new("verify", ParameterKind::Flag, "Check the chain.").or(false))
            .paged()
            .answers::<TrailAnswer>(200, "A page of the trail, or whether its chain holds.", None),
    ]
}

fn instant(text: &str) -> std::result::Result<DateTime<Utc>, &'static str> {
    Instant::read(text)
        .map(|instant| instant.0.with_timezone(&Utc))
        .map_err(|(_, detail)| detail)
}

fn read(state: &State, call: &Call) -> Result<Reply> {
    if call.query_flag("verify") {
        return verify(state, call);
    }
    let filter = AuditFilter {
        principal: call.query("principal").map(str::to_owned),
        action: call.query("action").map(str::to_owned),
        patient: call.query_id("patient_id"),
        resource_id: call.query_id("resource_id"),
        from: call.query_as("from", instant)?,
        until: call.query_as("until", instant)?,
    };
    let before: Option<Uuid> = call.cursor()?;
    look(state, call, |unit| {
        let page = audit::page(unit, &filter, before, call.limit())?;
        let count = call
            .count()
            .then(|| audit::count(unit, &filter))
            .transpose()?;
        super::page(
            call,
            &page,
            |one| EntryView::from(one),
            |one| one.entry.id,
            count,
        )
    })
}

fn verify(state: &State, call: &Call) -> Result<Reply> {
    look(state, call, |unit| {
        Reply::json(&VerificationView::from(audit::verify(unit)?))
    })
}
