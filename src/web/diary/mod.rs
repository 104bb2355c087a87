//! The diary on a patient's phone: a page that anybody may open who holds its link, and that says nothing about whose
//! it is. It works without a script while there is a network, and with one also where there is none.

mod clinic;
mod entries;
mod form;
mod page;
mod qr;

pub use qr::qr_svg;

use super::assets;
use crate::app::Result;
use crate::app::diary::Language;
use crate::http::{Access, Call, Endpoint, Parameter, ParameterKind, Reply, Runs, State};
use actix_web::http::{StatusCode, header};

/// The files that the page needs, which its service worker keeps.
const FILES: [&str; 4] = ["diary.css", "diary.js", "diary-queue.js", "icon.svg"];

/// The largest body of a request of a phone.
const LARGEST_BODY: usize = 64 * 1024;

/// The pages, in the order of their routes: the worker's name is no token.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut all = vec![
        Endpoint::page("/d/sw.js", "diary_worker", Access::Public, worker)
            .runs(Runs::Inline)
            .answers_as(200, "text/javascript", "The service worker."),
        Endpoint::page("/d/{token}", "diary", Access::Public, page::show)
            .lenient()
            .query(language_parameter())
            .query(Parameter::new(
                "saved",
                ParameterKind::Flag,
                "Whether an answer was saved just now.",
            ))
            .answers_as(200, "text/html", "The diary."),
        Endpoint::form("/d/{token}", "diary_form", Access::Public, form::take)
            .at_most(LARGEST_BODY)
            .lenient()
            .query(language_parameter())
            .answers_as(303, "text/html", "The answer is recorded."),
        entries::endpoint().at_most(LARGEST_BODY),
    ];
    all.extend(clinic::endpoints());
    all
}

fn language_parameter() -> Parameter {
    Parameter::new(
        "lang",
        ParameterKind::Choice(Language::CODES),
        "The language.",
    )
}

/// The language of a page: as the address says, else as the link was made, else as the phone asks.
fn language_of(call: &Call, link: Option<Language>) -> Language {
    let asked = call
        .query("lang")
        .and_then(|code| Language::from_code(code).ok());
    asked
        .or(link)
        .or_else(|| accepted(call.accept_language().unwrap_or_default()))
        .unwrap_or(Language::English)
}

/// The first language of ours in a list such as `es-MX,es;q=0.9,en;q=0.8`. Its weights descend in every browser.
fn accepted(list: &str) -> Option<Language> {
    list.split(',').find_map(|entry| {
        let tag = entry.split(';').next().unwrap_or_default().trim();
        let code = tag.split('-').next().unwrap_or_default();
        Language::from_code(&code.to_ascii_lowercase()).ok()
    })
}

/// The language to switch to.
const fn other(language: Language) -> Language {
    match language {
        Language::English => Language::Spanish,
        Language::Spanish => Language::English,
    }
}

/// The service worker, with the addresses of this release's files in front.
fn worker(_: &State, _: &Call) -> Result<Reply> {
    let files: Vec<String> = FILES.iter().map(|name| assets::url(name)).collect();
    let queue = assets::url("diary-queue.js");
    let script = format!(
        "const FILES = {};\nconst QUEUE = {};\n{}",
        serde_json::json!(files),
        serde_json::json!(queue),
        include_str!("../../../assets/diary-sw.js")
    );
    Reply::bytes(StatusCode::OK, "text/javascript; charset=utf-8", script)
        .header(header::CONTENT_SECURITY_POLICY, super::page::POLICY)?
        .header(header::CACHE_CONTROL, "no-cache")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_of_ours_is_taken() {
        assert_eq!(accepted("es-MX,es;q=0.9,en;q=0.8"), Some(Language::Spanish));
        assert_eq!(accepted("fr, EN-us;q=0.5"), Some(Language::English));
        assert_eq!(accepted("fr,de"), None);
        assert_eq!(accepted(""), None);
    }
}
