//! Profiles: each body's published criteria, with the source of each number.

use super::{change, checked, examples, look, once};
use crate::app::profiles::{self, Shelved};
use crate::app::{Error, FieldError, Result};
use crate::auth::Action;
use crate::domain::qualification::Profile;
use crate::http::call::Call;
use crate::http::problem::Kind;
use crate::http::registry::{Endpoint, Example};
use crate::http::reply::Reply;
use crate::http::state::State;
use crate::wire::errors::FieldErrors;
use crate::wire::profile::CONTESTED;
use crate::wire::profile::ProfileFields;
use crate::wire::scalar::Whole;
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// A profile as answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Profile")]
struct ProfileView {
    #[serde(flatten)]
    fields: ProfileFields,
    /// Whether the organization judges by it.
    active: bool,
}

impl ProfileView {
    fn of(profile: &Profile, active: bool) -> ProfileView {
        ProfileView {
            fields: ProfileFields::from(profile),
            active,
        }
    }
}

impl From<&Shelved> for ProfileView {
    fn from(shelved: &Shelved) -> ProfileView {
        ProfileView::of(&shelved.profile, shelved.active)
    }
}

/// What `ETag` tells of a profile: another number for each version, active and not.
fn state_of(shelved: &Shelved) -> i32 {
    shelved.profile.version * 2 + i32::from(shelved.active)
}

/// All profiles.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Profiles")]
struct ProfilesView {
    /// Each at the version in use.
    items: Vec<ProfileView>,
    /// That the evidence is contested, and where to read on.
    notice: &'static str,
}

/// Which version of a profile is judged by, if any.
#[derive(Debug, Deserr, JsonSchema)]
#[schemars(rename = "ProfileActivation")]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct ActivationBody {
    /// Whether the organization judges by it.
    active: bool,
    /// The version; left out, the one in use.
    #[deserr(default)]
    version: Option<Whole<1, { i32::MAX }>>,
}

/// What there is about profiles.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let document = vec![Example {
        name: "plain",
        summary: "One positive block.",
        value: Value::String(examples::PROFILE.to_owned()),
    }];
    vec![
        Endpoint::get("/v1/profiles", "list_profiles", Action::ReadProfile, list)
            .titled("profiles", "List the profiles")
            .about("Each body's numbers with their source and how far each is verified, at the version in use.")
            .answers::<ProfilesView>(200, "The profiles.", None),
        Endpoint::get("/v1/profiles/{name}", "read_profile", Action::ReadProfile, read)
            .titled("profiles", "Read a profile")
            .answers::<ProfileView>(200, "The profile.", None)
            .tagged()
            .fails(&[Kind::NotFound]),
        Endpoint::post("/v1/profiles", "load_profile", Action::WriteProfile, load)
            .titled("profiles", "Load a version of a profile")
            .about("The document is TOML, as those in `profiles/`. The version must be higher than any that is there. Nobody is judged by it until it is activated.")
            .takes_text("application/toml", document)
            .answers::<ProfileView>(201, "The version is loaded.", None)
            .tagged()
            .fails(&[Kind::Conflict, Kind::InvalidFields]),
        Endpoint::put("/v1/profiles/{name}", "activate_profile", Action::WriteProfile, activate)
            .titled("profiles", "Activate or deactivate a profile")
            .about("Every patient of the organization is judged anew in the background, which takes seconds for thousands of patients.")
            .takes::<ActivationBody>(vec![examples::request("plain", "Not judged by any more.", json!({"active": false}))])
            .answers::<ProfileView>(200, "The change holds.", None)
            .fails(&[Kind::NotFound]),
    ]
}

fn list(state: &State, call: &Call) -> Result<Reply> {
    look(state, call, |unit| {
        let items = profiles::list(unit)?
            .iter()
            .map(ProfileView::from)
            .collect();
        Reply::json(&ProfilesView {
            items,
            notice: CONTESTED,
        })
    })
}

fn read(state: &State, call: &Call) -> Result<Reply> {
    look(state, call, |unit| {
        let shelved = profiles::get(unit, call.path("name"))?;
        Reply::ok(state_of(&shelved), &ProfileView::from(&shelved))
    })
}

fn load(state: &State, call: &Call) -> Result<Reply> {
    let document = call.text().to_owned();
    once(state, call, move |unit| {
        let profile = profiles::load(unit, &document)?;
        let shelved = profiles::get(unit, &profile.id)?;
        let location = format!("/v1/profiles/{}", profile.id);
        Reply::created(
            &location,
            state_of(&shelved),
            &ProfileView::of(&profile, false),
        )
    })
}

fn activate(state: &State, call: &Call) -> Result<Reply> {
    let name = call.path("name").to_owned();
    let wanted_state = call.required_version()?;
    let body: ActivationBody = call.parse()?;
    checked(|errors: &mut Vec<FieldError>| {
        let deactivates_another = !body.active && body.version.is_some();
        if deactivates_another {
            let detail = "A version is chosen where a profile is activated.";
            errors.push(FieldError::new("/version", "not_here", detail));
        }
    })?;
    let version = body.version.map(|version| version.0);
    let active = body.active;
    change(state, call, move |unit| {
        let current = profiles::get(unit, &name)?;
        if state_of(&current) != wanted_state {
            return Err(Error::PreconditionFailed {
                current: state_of(&current),
            });
        }
        let changed = profiles::activate(unit, &name, version, active)?;
        Reply::ok(state_of(&changed), &ProfileView::from(&changed))
    })
}
