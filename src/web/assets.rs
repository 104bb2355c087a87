//! Style sheets and scripts: inside the program, under an address that changes with their content.

use crate::app::{Error, Result};
use crate::http::{Access, Call, Endpoint, Reply, Runs, State};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::LazyLock;

/// A file of the pages.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static [u8],
}

const ASSETS: &[Asset] = &[
    Asset {
        name: "medial.css",
        media_type: "text/css; charset=utf-8",
        content: include_bytes!("../../assets/medial.css"),
    },
    Asset {
        name: "medial.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_bytes!("../../assets/medial.js"),
    },
    Asset {
        name: "diary.css",
        media_type: "text/css; charset=utf-8",
        content: include_bytes!("../../assets/diary.css"),
    },
    Asset {
        name: "diary-clinic.css",
        media_type: "text/css; charset=utf-8",
        content: include_bytes!("../../assets/diary-clinic.css"),
    },
    Asset {
        name: "diary.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_bytes!("../../assets/diary.js"),
    },
    Asset {
        name: "diary-queue.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_bytes!("../../assets/diary-queue.js"),
    },
    Asset {
        name: "record.css",
        media_type: "text/css; charset=utf-8",
        content: include_bytes!("../../assets/record.css"),
    },
    Asset {
        name: "record.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_bytes!("../../assets/record.js"),
    },
    Asset {
        name: crate::evidence::STYLE_NAME,
        media_type: "text/css; charset=utf-8",
        content: crate::evidence::STYLE.as_bytes(),
    },
    Asset {
        name: "icon.svg",
        media_type: "image/svg+xml",
        content: include_bytes!("../../assets/icon.svg"),
    },
];

/// The first half of the SHA-256 of each, in hexadecimal.
static HASHES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let hash = |asset: &Asset| {
        let digest = Sha256::digest(asset.content);
        digest
            .iter()
            .take(16)
            .fold(String::new(), |mut text, byte| {
                // Writing to a string cannot fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
    };
    ASSETS.iter().map(hash).collect()
});

/// The address of a file. A name that there is no file of gives an address that leads nowhere; a test looks at them all.
#[must_use]
pub fn url(name: &str) -> String {
    let hash = ASSETS
        .iter()
        .zip(HASHES.iter())
        .find(|(asset, _)| asset.name == name)
        .map_or("", |(_, hash)| hash.as_str());
    format!("/assets/{hash}/{name}")
}

/// The files.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/assets/{hash}/{file}", "asset", Access::Public, file)
            .runs(Runs::Inline)
            .answers_as(200, "*/*", "The file."),
    ]
}

/// A file: with another hash it is of another release, and not here.
fn file(_: &State, call: &Call) -> Result<Reply> {
    let found = ASSETS
        .iter()
        .zip(HASHES.iter())
        .find(|(asset, hash)| asset.name == call.path("file") && *hash == call.path("hash"));
    let (asset, _) = found.ok_or(Error::NotFound { what: "file" })?;
    let reply = Reply::bytes(
        actix_web::http::StatusCode::OK,
        asset.media_type,
        asset.content,
    );
    reply.header(
        actix_web::http::header::CACHE_CONTROL,
        "public, max-age=31536000, immutable",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_changes_with_the_content() {
        let mut addresses: Vec<String> = ASSETS.iter().map(|asset| url(asset.name)).collect();
        assert!(addresses.iter().all(|address| address.len() > 40));
        addresses.dedup();
        assert_eq!(addresses.len(), ASSETS.len());
        assert_eq!(url("nothing.css"), "/assets//nothing.css");
        assert_eq!(
            url(crate::evidence::STYLE_NAME),
            crate::evidence::style_url()
        );
    }

    #[test]
    fn every_file_that_a_template_names_is_there() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src/web");
        for entry in std::fs::read_dir(root).unwrap() {
            let path = entry.unwrap().path();
            let Ok(text) = std::fs::read_to_string(&path) else {
                continue;
            };
            for part in text.split("assets::url(\"").skip(1) {
                let name = part.split('"').next().unwrap();
                assert!(
                    ASSETS.iter().any(|asset| asset.name == name),
                    "{}: {name}",
                    path.display()
                );
            }
        }
    }
}
