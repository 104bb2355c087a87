//! An operation: what it is, and where it begins.

use super::content::{Answer, Body, FORM};
use super::parameter::Parameter;
use crate::app::App;
use crate::app::error::Error;
use crate::auth::{Action, Operation};
use crate::http::call::Call;
use crate::http::dialect::Dialect;
use crate::http::problem::Kind;
use crate::http::reply::Reply;
use crate::http::state::State;
use std::fmt;

/// Does the work of an endpoint. It is synchronous and runs on a thread that may wait.
pub type Handler<C> = fn(&State<C>, &Call) -> Result<Reply, Error>;

/// The methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Read. `HEAD` comes with it.
    Get,
    /// Record something new.
    Post,
    /// Correct.
    Put,
    /// Change a part.
    Patch,
    /// Withdraw.
    Delete,
}

impl Method {
    /// As in a request line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// Whose token allows this.
    Needs(Action),
    /// Whose token is good: a request of several parts, each of which needs what it needs on its own.
    Identified,
    /// A person who has signed in to the pages and is allowed this.
    SignedIn(Action),
}

/// Where the handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// At once, for what is in memory already: no permit, no other thread.
    Inline,
    /// On a thread that may wait, without a permit: for what must answer while the service is busy.
    Unbounded,
    /// On a thread that may wait, with a permit. This is the rule.
    Permitted,
}

/// One operation: what it is called, what it takes, who may call it, what it answers and what does the work.
pub struct Endpoint<C = App> {
    /// Method.
    pub method: Method,
    /// Path with its parameters, as `/v1/blocks/{id}`.
    pub path: &'static str,
    /// Name of the operation, unique, lower snake case.
    pub operation_id: &'static str,
    /// Group in the document.
    pub tag: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The whole story.
    pub description: &'static str,
    /// Who may call.
    pub access: Access,
    /// The resource type and the operation that the scopes of a token must speak of, where the handler holds all that it
    /// gives out against what they reach; none where they must allow the action.
    pub scope: Option<(&'static str, Operation)>,
    /// Where the handler runs.
    pub runs: Runs,
    /// Parameters of the query.
    pub query: Vec<Parameter>,
    /// What it takes.
    pub body: Option<Body>,
    /// Answers that are not errors.
    pub answers: Vec<Answer>,
    /// Errors beside those that follow from the rest.
    pub errors: Vec<Kind>,
    /// Whether the answer has the version of a record in `ETag`.
    pub tagged: bool,
    /// Whether the request must name the version that it changes in `If-Match`.
    pub needs_version: bool,
    /// Whether it lists pages.
    pub paged: bool,
    /// In whose words it speaks. The document has the native ones.
    pub dialect: Dialect,
    /// Whether parameters of the query that it does not know are passed over: an address that others hand on may come
    /// back with more than was in it.
    pub lenient: bool,
    /// What a query is told that holds a name or a value which there is not.
    pub refuses_query: Kind,
    /// The largest body in bytes, where that is less than for all.
    pub largest_body: Option<usize>,
    /// How many times as large as others its body may be: it carries as many records.
    pub body_times: usize,
    /// Does the work.
    pub handler: Handler<C>,
}

impl<C> fmt::Debug for Endpoint<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} ({})",
            self.method.name(),
            self.path,
            self.operation_id
        )
    }
}

/// The page size without `limit`.
pub const DEFAULT_LIMIT: u16 = 50;
/// The largest page.
pub const MAX_LIMIT: u16 = 500;

impl<C> Endpoint<C> {
    /// An operation. Everything else is added to it.
    #[must_use]
    pub fn new(
        method: Method,
        path: &'static str,
        operation_id: &'static str,
        access: Access,
        handler: Handler<C>,
    ) -> Endpoint<C> {
        Endpoint {
            method,
            path,
            operation_id,
            tag: "service",
            summary: "",
            description: "",
            access,
            scope: None,
            runs: Runs::Permitted,
            query: Vec::new(),
            body: None,
            answers: Vec::new(),
            errors: Vec::new(),
            tagged: false,
            needs_version: false,
            paged: false,
            dialect: Dialect::Native,
            lenient: false,
            refuses_query: Kind::Malformed,
            largest_body: None,
            body_times: 1,
            handler,
        }
    }

    /// A page for a browser.
    #[must_use]
    pub fn page(
        path: &'static str,
        operation_id: &'static str,
        access: Access,
        handler: Handler<C>,
    ) -> Endpoint<C> {
        let mut endpoint = Endpoint::new(Method::Get, path, operation_id, access, handler);
        endpoint.dialect = Dialect::Page;
        endpoint.tag = "pages";
        endpoint
    }

    /// What a form of a page is sent to.
    #[must_use]
    pub fn form(
        path: &'static str,
        operation_id: &'static str,
        access: Access,
        handler: Handler<C>,
    ) -> Endpoint<C> {
        let mut endpoint = Endpoint::page(path, operation_id, access, handler);
        endpoint.method = Method::Post;
        endpoint.takes_text(FORM, Vec::new()).optional_body()
    }

    /// An operation that speaks FHIR.
    #[must_use]
    pub fn fhir(
        method: Method,
        path: &'static str,
        operation_id: &'static str,
        access: Access,
        handler: Handler<C>,
    ) -> Endpoint<C> {
        let mut endpoint = Endpoint::new(method, path, operation_id, access, handler);
        endpoint.dialect = Dialect::Fhir;
        endpoint.tag = "fhir";
        endpoint
    }

    /// A `GET` for whose token allows `action`.
    #[must_use]
    pub fn get(
        path: &'static str,
        operation_id: &'static str,
        action: Action,
        handler: Handler<C>,
    ) -> Endpoint<C> {
        Endpoint::new(
            Method::Get,
            path,
            operation_id,
            Access::Needs(action),
            handler,
        )
    }

    /// A `POST` for whose token allows `action`. It takes an `Idempotency-Key`.
    #[must_use]
    pub fn post(
        path: &'static str,
        operation_id: &'static str,
        action: Action,
        handler: Handler<C>,
    ) -> Endpoint<C> {
        Endpoint::new(
            Method::Post,
            path,
            operation_id,
            Access::Needs(action),
            handler,
        )
    }

    /// A `PUT` for whose token allows `action`. It needs `If-Match`.
    #[must_use]
    pub fn put(
        path: &'static str,
        operation_id: &'static str,
        action: Action,
        handler: Handler<C>,
    ) -> Endpoint<C> {
        Endpoint::new(
            Method::Put,
            path,
            operation_id,
            Access::Needs(action),
            handler,
        )
        .needs_version()
    }

    /// A `DELETE` for whose token allows `action`.
    #[must_use]
    pub fn delete(
        path: &'static str,
        operation_id: &'static str,
        action: Action,
        handler: Handler<C>,
    ) -> Endpoint<C> {
        Endpoint::new(
            Method::Delete,
            path,
            operation_id,
            Access::Needs(action),
            handler,
        )
    }

    /// The largest body it takes, where others take `most`.
    #[must_use]
    pub(in crate::http) fn body_limit(&self, most: usize) -> usize {
        let most = most.saturating_mul(self.body_times);
        self.largest_body.map_or(most, |own| own.min(most))
    }

    /// Whether an `Idempotency-Key` is taken.
    #[must_use]
    pub fn takes_idempotency_key(&self) -> bool {
        self.method == Method::Post && matches!(self.access, Access::Needs(_))
    }

    /// The parameters in the path, in order.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}'))
            .map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_a_path_are_found() {
        let endpoint = Endpoint::<()>::new(
            Method::Get,
            "/v1/exports/stream/{dataset}.{format}",
            "x",
            Access::Public,
            |_, _| Ok(Reply::no_content()),
        );
        assert_eq!(
            endpoint.path_parameters().collect::<Vec<_>>(),
            ["dataset", "format"]
        );
    }
}
