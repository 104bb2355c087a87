//! Each rule of the edge, through the real router, with endpoints made for the purpose.

mod document;
mod rules;
mod wire;

use super::*;
use crate::app::error::Error;
use crate::auth::{Action, Role};
use crate::seam::{Outside, System};
use crate::wire::errors::FieldErrors;
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// An application that does nothing but what a test wants to see.
#[derive(Default)]
struct Toy {
    /// Opens when a test says so.
    gate: Gate,
    /// Bytes that the endless stream wrote.
    written: AtomicUsize,
    /// Times that the endless stream was told to stop.
    stopped: AtomicUsize,
    /// Calls that reached a handler.
    handled: AtomicUsize,
    /// What the last of them was told.
    seen: Mutex<Option<Idempotency>>,
    broken: std::sync::atomic::AtomicBool,
}

#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn wait(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = Duration::from_secs(20);
        let _ = self.opened.wait_timeout_while(open, limit, |open| !*open);
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct NewNote {
    /// What it says.
    text: String,
    /// How loudly.
    #[deserr(default)]
    #[schemars(default)]
    volume: u8,
}

#[derive(Debug, Serialize, JsonSchema)]
struct NoteView {
    /// Where it is.
    id: String,
    /// What it says.
    text: String,
    /// Who wrote it.
    by: String,
}

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn create(state: &State<Toy>, call: &Call) -> Result<Reply, Error> {
    let note: NewNote = call.parse()?;
    state.app.handled.fetch_add(1, Ordering::SeqCst);
    *state.app.seen.lock().unwrap() = call.idempotency();
    let by = call.principal()?.subject.clone();
    assert!(note.volume < 200, "too loud");
    Reply::created(
        &format!("/v1/notes/{ID}"),
        1,
        &NoteView {
            id: ID.into(),
            text: note.text,
            by,
        },
    )
}

fn list(_: &State<Toy>, call: &Call) -> Result<Reply, Error> {
    let after: u64 = call.cursor()?.unwrap_or(0);
    let last = after + u64::from(call.limit());
    let items: Vec<u64> = (after..last.min(120)).collect();
    let next = (last < 120).then_some(last);
    call.page_reply(items, next.as_ref(), call.count().then_some(120))
}

fn read(_: &State<Toy>, call: &Call) -> Result<Reply, Error> {
    let id = call.path_id("id", "note")?;
    Reply::ok(3, &json!({"id": id.to_string()}))
}

fn change(_: &State<Toy>, call: &Call) -> Result<Reply, Error> {
    let version = call.required_version()?;
    if version != 3 {
        return Err(Error::PreconditionFailed { current: 3 });
    }
    Reply::ok(4, &call.json())
}

fn withdraw(_: &State<Toy>, call: &Call) -> Result<Reply, Error> {
    call.path_id("id", "note")?;
    Ok(Reply::no_content())
}

fn fail(_: &State<Toy>, call: &Call) -> Result<Reply, Error> {
    match call.path("how") {
        "panic" => panic!("the secret of Jane Doe"),
        "internal" => Err(Error::internal("the secret of Jane Doe")),
        "busy" => Err(Error::Busy { retry_after: 7 }),
        "conflict" => Err(Error::Conflict {
            code: "exists",
            detail: "There already.".into(),
        }),
        "key" => Err(Error::IdempotencyKeyReused),
        "forbidden" => Err(Error::Forbidden {
            action: Action::WriteBlock,
        }),
        _ => Err(Error::NotFound { what: "failure" }),
    }
}

fn wait(state: &State<Toy>, _: &Call) -> Result<Reply, Error> {
    state.app.handled.fetch_add(1, Ordering::SeqCst);
    state.app.gate.wait();
    Reply::json(&json!({"waited": true}))
}

fn stream(state: &State<Toy>, call: &Call) -> Result<Reply, Error> {
    let how = call.path("how").to_owned();
    let app = state.app.clone();
    Reply::stream("text/csv", "notes.csv", move |out| {
        let internal = |error: std::io::Error| Error::Internal(error.into());
        match how.as_str() {
            "short" => out.write_all(b"a,b\n1,2\n").map_err(internal),
            "empty" => Ok(()),
            "fails" => Err(Error::Busy { retry_after: 3 }),
            "breaks" => {
                out.write_all(&vec![b'x'; 200_000]).map_err(internal)?;
                Err(Error::internal("in the middle"))
            }
            "panics" => panic!("while writing"),
            _ => loop {
                let written = out.write_all(&[b'x'; 8192]);
                if let Err(error) = written {
                    app.stopped.fetch_add(1, Ordering::SeqCst);
                    return Err(internal(error));
                }
                app.written.fetch_add(8192, Ordering::SeqCst);
            },
        }
    })
}

fn text(_: &State<Toy>, call: &Call) -> Result<Reply, Error> {
    Reply::json(&json!({"letters": call.text().chars().count()}))
}

fn readiness(app: &Toy) -> Result<(), String> {
    if app.broken.load(Ordering::SeqCst) {
        Err("the database is away".into())
    } else {
        Ok(())
    }
}

fn toys() -> Vec<Endpoint<Toy>> {
    let example = |value: Value| {
        vec![Example {
            name: "plain",
            summary: "A note.",
            value,
        }]
    };
    let note = || Some(json!({"id": ID, "text": "Hello.", "by": "ann"}));
    vec![
        Endpoint::post("/v1/notes", "create_note", Action::WriteBlock, create)
            .titled("notes", "Write a note")
            .takes::<NewNote>(example(json!({"text": "Hello."})))
            .answers::<NoteView>(201, "It is written.", note())
            .tagged()
            .fails(&[Kind::Conflict]),
        Endpoint::get("/v1/notes", "list_notes", Action::ReadBlock, list)
            .titled("notes", "List the notes")
            .query(
                Parameter::new(
                    "side",
                    ParameterKind::Choice(&["left", "right"]),
                    "On which side.",
                )
                .like("left"),
            )
            .query(Parameter::new(
                "colours",
                ParameterKind::Texts,
                "In which colours.",
            ))
            .paged()
            .answers::<Page<NoteView>>(200, "A page of them.", None),
        Endpoint::get("/v1/notes/{id}", "read_note", Action::ReadBlock, read)
            .titled("notes", "Read a note")
            .answers::<NoteView>(200, "The note.", note())
            .tagged(),
        Endpoint::put("/v1/notes/{id}", "change_note", Action::WriteBlock, change)
            .titled("notes", "Change a note")
            .takes::<NewNote>(example(json!({"text": "Hello."})))
            .answers::<NoteView>(200, "It is changed.", note()),
        Endpoint::delete(
            "/v1/notes/{id}",
            "withdraw_note",
            Action::WriteBlock,
            withdraw,
        )
        .titled("notes", "Withdraw a note")
        .answers_nothing("It is withdrawn."),
        Endpoint::get("/v1/fail/{how}", "fail", Action::ReadBlock, fail),
        Endpoint::get("/v1/wait", "wait", Action::ReadBlock, wait),
        Endpoint::get("/v1/stream/{how}.csv", "stream", Action::ReadBlock, stream)
            .answers_as(200, "text/csv", "The notes.")
            .attached(),
        Endpoint::post("/v1/text", "text", Action::WriteBlock, text)
            .takes_text("application/toml", Vec::new()),
        Endpoint::post("/v1/maybe", "maybe", Action::WriteBlock, |_, call| {
            Reply::json(call.json())
        })
        .takes::<NewNote>(Vec::new())
        .optional_body(),
    ]
}

/// Takes `ann@north` for a clinician of north, `otto@north` for an auditor.
struct Names;

impl Authenticate for Names {
    fn principal(&self, bearer: &str) -> Result<Principal, AuthFailure> {
        if bearer == "later" {
            return Err(AuthFailure::Unavailable);
        }
        let (subject, organization) = bearer
            .split_once('@')
            .ok_or_else(|| AuthFailure::Refused("token \"expired\"".into()))?;
        let role = if subject == "otto" {
            Role::Auditor
        } else {
            Role::Clinician
        };
        Ok(Principal {
            organization: organization.into(),
            subject: subject.into(),
            role,
            scopes: None,
        })
    }

    fn principal_at_once(&self, bearer: &str) -> Option<Result<Principal, AuthFailure>> {
        (bearer != "slow@north").then(|| self.principal(bearer))
    }
}

fn settings() -> HttpSettings {
    let mut settings = HttpSettings::new(CursorKey::new(b"a secret for tests"));
    settings.bind.set_port(0);
    settings.workers = 1;
    settings.deadline = Duration::from_secs(5);
    settings
}

fn state_with(settings: HttpSettings) -> State<Toy> {
    let seam: Arc<dyn Outside> = System::shared();
    State::new(
        Arc::new(Toy::default()),
        Arc::new(Names),
        seam,
        settings,
        readiness,
        toys(),
    )
}
