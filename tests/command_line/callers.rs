//! What `medial doctor` says of the systems that may ask for decision support.

use crate::Place;
use serde_json::{Value, json};

/// The key of a set of the tests that `wanted` names, as a set of its own, with `change` done to it.
fn keys(set: &str, wanted: &str, change: impl Fn(&mut Value)) -> String {
    let set: Value = serde_json::from_str(set).unwrap();
    let mut key = set["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == wanted)
        .unwrap()
        .clone();
    change(&mut key);
    json!({ "keys": [key] }).to_string()
}

const OF_A_CLIENT: &str = include_str!("../fixtures/keys/jwks-client.json");
const OF_AN_ISSUER: &str = include_str!("../fixtures/keys/jwks.json");

#[test]
fn doctor_tells_of_each_client_what_can_be_told_without_asking_it() {
    let place = Place::new();
    place.write("keys.json", OF_A_CLIENT);
    let good = keys(OF_A_CLIENT, "client-ec", |_| ());
    let other_algorithm = keys(OF_AN_ISSUER, "ed-1", |_| ());
    let unnamed = keys(OF_A_CLIENT, "client-rsa", |key| {
        key.as_object_mut().unwrap().remove("kid");
    });
    place.write(
        "medial.toml",
        &format!(
            "[http]\nbind = \"127.0.0.1:0\"\n\
             [[cds.client]]\nissuer = \"https://one.example.org\"\norganization = \"north\"\njwks_file = \"keys.json\"\n\
             [[cds.client]]\nissuer = \"https://one.example.org\"\norganization = \"south\"\ntenant = \"t-1\"\njwks = '{good}'\n\
             [[cds.client]]\nissuer = \"https://one.example.org\"\norganization = \"south\"\njwks = '{good}'\n\
             [[cds.client]]\nissuer = \"https://ed.example.org\"\norganization = \"north\"\njwks = '{other_algorithm}'\n\
             [[cds.client]]\nissuer = \"https://unnamed.example.org\"\norganization = \"north\"\njwks = '{unnamed}'\n\
             [[cds.client]]\nissuer = \"https://plain.example.org\"\norganization = \"north\"\njwks_url = \"http://plain.example.org/keys\"\n\
             fhir_servers = [\"http://plain.example.org/r4\"]\n"
        ),
    );
    let ran = place.run(&["doctor"]).ends_with(1);
    let said: Vec<&str> = ran
        .out
        .lines()
        .filter(|line| line.contains(" cds.client: "))
        .collect();
    let expected = [
        "ok       cds.client: https://one.example.org of north, key client-rsa, RS384",
        "ok       cds.client: https://one.example.org of north, key client-ec, ES384",
        "ok       cds.client: https://one.example.org of north, key client-any, RS256",
        "ok       cds.client: https://one.example.org (tenant t-1) of south, key client-ec, ES384",
        "problem  cds.client: https://one.example.org of south is registered before, and this time it is never taken. ",
        "warning  cds.client: https://ed.example.org of north: the key ed-1 is not used: no call is signed with its algorithm. ",
        "problem  cds.client: https://ed.example.org of north has no key that a call can be signed with. ",
        "warning  cds.client: https://unnamed.example.org of north: the key without a kid is not used: a call names its key by a kid. ",
        "problem  cds.client: https://unnamed.example.org of north has no key that a call can be signed with. ",
        "ok       cds.client: https://plain.example.org of north, keys at http://plain.example.org/keys, which is asked with the first call",
        "warning  cds.client: https://plain.example.org of north: the key set is fetched over plain http",
        "warning  cds.client: https://plain.example.org of north: patients are read from http://plain.example.org/r4 over plain http",
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(
            said.starts_with(expected),
            "{said}\nshould begin with\n{expected}"
        );
    }
    assert!(ran.err.contains("3 problems"), "{}", ran.err);
}

#[test]
fn doctor_tells_which_organization_of_a_client_has_no_records() {
    let place = Place::new();
    place.write("keys.json", OF_A_CLIENT);
    let client = |organization: &str| {
        format!(
            "[[cds.client]]\nissuer = \"https://{organization}.example.org\"\norganization = \"{organization}\"\njwks_file = \"keys.json\"\n"
        )
    };
    let (north, nroth) = (client("north"), client("nroth"));
    place.write(
        "medial.toml",
        &format!("[http]\nbind = \"127.0.0.1:0\"\n{north}{nroth}"),
    );
    // Where there is no database yet, nothing can be said.
    let ran = place.run(&["doctor"]).ends_with(0);
    assert!(!ran.out.contains("nothing is recorded"), "{}", ran.out);
    place.run(&["migrate"]).ends_with(0);
    place.write("password", "correct horse battery staple\n");
    let add = ["user", "add", "ada", "--organization", "north"];
    let add = [&add[..], &["--password-file", "password"]].concat();
    place.run(&add).ends_with(0);
    let ran = place.run(&["doctor"]).ends_with(0);
    let warnings: Vec<&str> = ran
        .out
        .lines()
        .filter(|line| line.starts_with("warning"))
        .collect();
    assert_eq!(warnings.len(), 1, "{}", ran.out);
    assert!(
        warnings[0]
            .starts_with("warning  cds.client: nothing is recorded of the organization nroth. "),
        "{}",
        warnings[0]
    );
}
