//! Systems that fetch tokens with a private key.

use super::{corrupt, instant, maybe_instant, micros};
use crate::db::error::DbError;
use crate::db::schema::clients;
use chrono::{DateTime, Utc};
use diesel::{Insertable, Queryable, Selectable};

/// A system that may fetch tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Whose records it sees.
    pub organization: String,
    /// What it calls itself in its assertions; one client in all organizations.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Code of the role.
    pub role: String,
    /// SMART scopes, a space between each two.
    pub scopes: String,
    /// Its public keys.
    pub keys: KeysOfClient,
    /// Since then it gets no token.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// The public keys of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysOfClient {
    /// The key set itself.
    Document(String),
    /// Where it is.
    Address(String),
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = clients)]
pub(in crate::db) struct ClientRow {
    organization_id: String,
    id: String,
    name: String,
    role: String,
    scopes: String,
    jwks: Option<String>,
    jwks_url: Option<String>,
    disabled_at: Option<i64>,
    created_at: i64,
}

impl From<&Client> for ClientRow {
    fn from(client: &Client) -> ClientRow {
        let (jwks, jwks_url) = match &client.keys {
            KeysOfClient::Document(document) => (Some(document.clone()), None),
            KeysOfClient::Address(address) => (None, Some(address.clone())),
        };
        ClientRow {
            organization_id: client.organization.clone(),
            id: client.id.clone(),
            name: client.name.clone(),
            role: client.role.clone(),
            scopes: client.scopes.clone(),
            jwks,
            jwks_url,
            disabled_at: client.disabled_at.map(micros),
            created_at: micros(client.created_at),
        }
    }
}

impl TryFrom<ClientRow> for Client {
    type Error = DbError;

    fn try_from(row: ClientRow) -> Result<Client, DbError> {
        let keys = match (row.jwks, row.jwks_url) {
            (Some(document), None) => KeysOfClient::Document(document),
            (None, Some(address)) => KeysOfClient::Address(address),
            (Some(_), Some(_)) | (None, None) => return Err(corrupt("the keys of a client")),
        };
        Ok(Client {
            organization: row.organization_id,
            id: row.id,
            name: row.name,
            role: row.role,
            scopes: row.scopes,
            keys,
            disabled_at: maybe_instant(row.disabled_at)?,
            created_at: instant(row.created_at)?,
        })
    }
}
