//! The pages: what clinicians work with in a browser.
//!
//! Every page is made on the server, is whole before any script runs, and needs nothing from another machine. A page is
//! registered like any other endpoint; what it shows and does are the same use cases that the API calls.

mod assets;
mod charts;
mod diary;
mod evidence;
mod launch;
mod page;
mod patient;
mod profiles;
mod record;
mod sign_in;
mod study;
mod words;
mod worklist;

pub use diary::qr_svg;
pub use page::error_page;

use crate::http::Endpoint;

/// Every page and every form, in the order of the routes.
#[must_use]
pub fn endpoints() -> Vec<Endpoint> {
    let rooms = [
        assets::endpoints(),
        worklist::endpoints(),
        // `/patients/new` before `/patients/{id}`.
        record::endpoints(),
        patient::endpoints(),
        sign_in::endpoints(),
        launch::endpoints(),
        evidence::endpoints(),
        profiles::endpoints(),
        study::endpoints(),
        diary::endpoints(),
    ];
    rooms.into_iter().flatten().collect()
}
