//! The document as a PDF, set by `typst` from a template and two fonts inside the program: no file, no network, no
//! font of the machine is read, and the records reach the template as data, never as markup.

use super::document::EvidenceDocument;
use crate::app::{Error, Result};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::OnceLock;
use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt as _, World};
use typst_layout::PagedDocument;

const TEMPLATE: &str = include_str!("../../templates/evidence.typ");

static FONTS: [&[u8]; 2] = [
    include_bytes!("../../assets/fonts/OpenSans-Regular.ttf"),
    include_bytes!("../../assets/fonts/OpenSans-Bold.ttf"),
];

/// What is the same for every document: read once.
struct Press {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
}

fn press() -> &'static Press {
    static PRESS: OnceLock<Press> = OnceLock::new();
    PRESS.get_or_init(|| {
        let fonts: Vec<Font> = FONTS
            .into_iter()
            .flat_map(|data| Font::iter(Bytes::new(data)))
            .collect();
        Press {
            library: LazyHash::new(Library::default()),
            book: LazyHash::new(FontBook::from_fonts(&fonts)),
            fonts,
        }
    })
}

/// All that one document can read: the template, its data and its charts.
struct Desk {
    press: &'static Press,
    main: Source,
    files: HashMap<FileId, Bytes>,
}

fn file_id(name: &str) -> Result<FileId> {
    let path = VirtualPath::new(name).map_err(|_| Error::internal("a file name of ours"))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        &self.press.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.press.book
    }

    fn main(&self) -> FileId {
        self.main.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.main.id() {
            Ok(self.main.clone())
        } else {
            Err(FileError::AccessDenied)
        }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files.get(&id).cloned().ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.press.fonts.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

/// What the template is given: the document, and under which names its charts lie.
#[derive(Serialize)]
struct Data<'d> {
    doc: &'d EvidenceDocument,
    curves: Option<&'static str>,
    blocks: Vec<String>,
    ablations: Vec<String>,
}

/// The document as a PDF, tagged, its title without a name.
///
/// # Errors
/// An internal one where the template does not compile.
pub fn pdf(doc: &EvidenceDocument) -> Result<Vec<u8>> {
    let desk = desk(doc)?;
    let set = typst::compile::<PagedDocument>(&desk).output;
    let pdf = set.and_then(|pages| typst_pdf::pdf(&pages, &typst_pdf::PdfOptions::default()));
    // What was computed for this patient must not stay in memory.
    comemo::evict(0);
    pdf.map_err(|errors| {
        let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
        Error::internal(format!(
            "the summary cannot be set: {}",
            messages.join("; ")
        ))
    })
}

fn desk(doc: &EvidenceDocument) -> Result<Desk> {
    let mut files = HashMap::new();
    let mut keep = |name: String, content: Vec<u8>| -> Result<String> {
        files.insert(file_id(&name)?, Bytes::new(content));
        Ok(name)
    };
    let mut chart = |kind: &str, place: usize, svg: &str| {
        keep(format!("/{kind}-{place}.svg"), svg.as_bytes().to_vec())
    };
    let mut blocks = Vec::new();
    for (place, block) in doc.blocks.iter().enumerate() {
        blocks.push(chart("block", place, &block.curve.svg)?);
    }
    let mut ablations = Vec::new();
    for (place, ablation) in doc.ablations.iter().enumerate() {
        ablations.push(chart("ablation", place, &ablation.curve.svg)?);
    }
    if let Some(curves) = &doc.curves {
        chart("curves", 0, &curves.svg)?;
    }
    let data = Data {
        doc,
        curves: doc.curves.as_ref().map(|_| "/curves-0.svg"),
        blocks,
        ablations,
    };
    let data = serde_json::to_vec(&data).map_err(|error| Error::Internal(error.into()))?;
    keep("/data.json".to_owned(), data)?;
    Ok(Desk {
        press: press(),
        main: Source::new(file_id("/main.typ")?, TEMPLATE.to_owned()),
        files,
    })
}
