//! Rules that need no network.

use super::*;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::test::{self, TestRequest};
use actix_web::{App, http::Method as HttpMethod};
use bytes::Bytes;

struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answered {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{:?}", self.body))
    }

    fn code(&self) -> String {
        let problem = self.json();
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["status"], self.status);
        assert!(problem["type"].as_str().unwrap().starts_with("/problems/"));
        assert_eq!(
            problem["instance"],
            format!("urn:uuid:{}", self.header("x-request-id"))
        );
        problem["code"].as_str().unwrap().to_owned()
    }

    fn is(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.code().as_str()),
            (status, code),
            "{:?}",
            self.body
        );
    }
}

async fn ask(state: &State<Toy>, request: TestRequest) -> Answered {
    let app = test::init_service(App::new().configure(|config| configure(config, state))).await;
    let response: ServiceResponse = app.call(request.to_request()).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answered {
        status,
        headers,
        body: test::read_body(response).await,
    }
}

fn get(uri: &str) -> TestRequest {
    TestRequest::get()
        .uri(uri)
        .insert_header(("authorization", "Bearer ann@north"))
}

fn post(uri: &str, body: &'static [u8]) -> TestRequest {
    sent(TestRequest::post(), uri, body)
}

fn sent(request: TestRequest, uri: &str, body: &'static [u8]) -> TestRequest {
    request
        .uri(uri)
        .insert_header(("authorization", "Bearer ann@north"))
        .insert_header(("content-type", "application/json"))
        .insert_header(("content-length", body.len()))
        .set_payload(body)
}

fn state() -> State<Toy> {
    state_with(settings())
}

#[actix_web::test]
async fn a_good_request_is_answered() {
    let answer = ask(&state(), post("/v1/notes", br#"{"text": "Hello."}"#)).await;
    assert_eq!(answer.status, 201);
    assert_eq!(
        answer.json(),
        json!({"id": ID, "text": "Hello.", "by": "ann"})
    );
    assert_eq!(answer.header("location"), format!("/v1/notes/{ID}"));
    assert_eq!(answer.header("etag"), "\"1\"");
    assert_eq!(answer.header("content-type"), "application/json");
}

#[actix_web::test]
async fn every_answer_is_safe_and_has_an_id() {
    let state = state();
    for request in [
        get("/v1/notes"),
        get("/nowhere"),
        get("/v1/fail/panic"),
        TestRequest::delete().uri("/v1/notes"),
        get("/docs"),
    ] {
        let answer = ask(&state, request).await;
        for name in [
            "content-security-policy",
            "cache-control",
            "x-content-type-options",
            "referrer-policy",
            "x-request-id",
        ] {
            assert!(!answer.header(name).is_empty(), "{name}");
        }
    }
    let given = ask(&state, get("/v1/notes").insert_header(("x-request-id", ID))).await;
    assert_eq!(given.header("x-request-id"), ID);
    let name = ask(
        &state,
        get("/v1/notes").insert_header(("x-request-id", "Jane Doe")),
    )
    .await;
    assert_ne!(name.header("x-request-id"), "Jane Doe");
}

#[actix_web::test]
async fn unknown_paths_and_methods_are_problems() {
    let state = state();
    ask(&state, get("/v1/nothing"))
        .await
        .is(404, "no_such_path");
    let answer = ask(&state, TestRequest::delete().uri("/v1/notes")).await;
    answer.is(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "POST, GET, HEAD");
    let odd = TestRequest::default()
        .method(HttpMethod::from_bytes(b"BREW").unwrap())
        .uri("/v1/notes");
    ask(&state, odd).await.is(405, "method_not_allowed");
    assert_eq!(
        ask(&state, get("/v1/notes").method(HttpMethod::HEAD))
            .await
            .status,
        200
    );
}

#[actix_web::test]
async fn without_a_good_token_nobody_gets_in() {
    let state = state();
    let none = ask(&state, TestRequest::get().uri("/v1/notes")).await;
    none.is(401, "missing_token");
    assert_eq!(none.header("www-authenticate"), "Bearer realm=\"medial\"");
    let bad = ask(
        &state,
        get("/v1/notes").insert_header(("authorization", "Bearer nonsense")),
    )
    .await;
    bad.is(401, "invalid_token");
    let challenge = bad.header("www-authenticate");
    assert_eq!(
        challenge,
        "Bearer realm=\"medial\", error=\"invalid_token\", error_description=\"token expired\""
    );
    let basic = ask(
        &state,
        get("/v1/notes").insert_header(("authorization", "Basic YTpi")),
    )
    .await;
    basic.is(401, "malformed_authorization");
    let later = ask(
        &state,
        get("/v1/notes").insert_header(("authorization", "Bearer later")),
    )
    .await;
    later.is(503, "busy");
    let slow = ask(
        &state,
        get("/v1/notes").insert_header(("authorization", "Bearer slow@north")),
    )
    .await;
    assert_eq!(slow.status, 200);
}

#[actix_web::test]
async fn who_may_not_is_told_so_before_anything_is_read() {
    let state = state();
    let request =
        post("/v1/notes?bad=1", b"{nonsense").insert_header(("authorization", "Bearer otto@north"));
    let answer = ask(&state, request).await;
    answer.is(403, "forbidden");
    assert!(
        answer
            .header("www-authenticate")
            .contains("insufficient_scope")
    );
    assert_eq!(state.app.handled.load(Ordering::SeqCst), 0);
}

#[actix_web::test]
async fn parameters_are_checked_by_name_and_value() {
    let state = state();
    let answer = ask(
        &state,
        get("/v1/notes?colour=red&side=up&limit=501&limit=2&count=yes"),
    )
    .await;
    answer.is(400, "invalid_parameters");
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    let found: Vec<(&str, &str)> = errors
        .iter()
        .map(|error| {
            (
                error["pointer"].as_str().unwrap(),
                error["code"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("?colour", "unknown_parameter"),
        ("?side", "invalid_parameter"),
        ("?limit", "invalid_parameter"),
        ("?limit", "repeated_parameter"),
        ("?count", "invalid_parameter"),
    ];
    assert_eq!(found, expected);
    assert!(
        answer.json()["detail"]
            .as_str()
            .unwrap()
            .contains("side, colours, limit, cursor, count")
    );
    ask(&state, get("/v1/notes?side=%FF"))
        .await
        .is(400, "malformed_query");
    ask(&state, get(&format!("/v1/notes/{ID}?x=1")))
        .await
        .is(400, "invalid_parameters");
}

#[actix_web::test]
async fn a_body_must_be_what_it_is_said_to_be() {
    let state = state();
    let kinds = [
        "text/plain",
        "application/json; charset=latin1",
        "application/jsonx",
        "",
    ];
    for kind in kinds {
        let answer = ask(
            &state,
            post("/v1/notes", b"{}").insert_header(("content-type", kind)),
        )
        .await;
        answer.is(415, "unsupported_media_type");
    }
    let zipped = post("/v1/notes", b"{}").insert_header(("content-encoding", "gzip"));
    ask(&state, zipped)
        .await
        .is(415, "unsupported_content_encoding");
    ask(&state, post("/v1/notes", b""))
        .await
        .is(400, "missing_body");
    ask(&state, post("/v1/notes", b"{\"text\": \"\xff\"}"))
        .await
        .is(400, "invalid_utf8");
    let upper = post("/v1/notes", br#"{"text": "x"}"#)
        .insert_header(("content-type", "Application/JSON; Charset=\"UTF-8\""));
    assert_eq!(ask(&state, upper).await.status, 201);
    assert_eq!(
        ask(&state, post("/v1/maybe", b"")).await.json(),
        Value::Null
    );
    assert_eq!(
        ask(&state, post("/v1/maybe", b"{\"a\":1}")).await.json(),
        json!({"a": 1})
    );
    let toml =
        post("/v1/text", "ä = 1".as_bytes()).insert_header(("content-type", "application/toml"));
    assert_eq!(ask(&state, toml).await.json(), json!({"letters": 5}));
}

#[actix_web::test]
async fn json_is_read_strictly_with_line_and_column() {
    let state = state();
    for (body, place) in [
        (&b"{\n \"text\": NaN}"[..], "line 2 column 10"),
        (b"{\"text\": \"a\",\n\"text\": \"b\"}", "line 2"),
        (b"{\"text\": \"a\"", "line 1 column 12"),
        (b"{\"text\": 1e999}", "line 1"),
        (b"{} {}", "line 1 column 4"),
    ] {
        let answer = ask(&state, sent(TestRequest::post(), "/v1/notes", body)).await;
        answer.is(400, "invalid_json");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(place), "{detail}");
    }
}

#[actix_web::test]
async fn every_wrong_field_is_named() {
    let answer = ask(
        &state(),
        post("/v1/notes", br#"{"txt": "x", "volume": "loud"}"#),
    )
    .await;
    answer.is(422, "invalid_fields");
    let errors = answer.json()["errors"].clone();
    let pointers: Vec<&str> = errors
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/txt", "/volume", "/text"]);
}

#[actix_web::test]
async fn a_body_over_the_limit_is_refused() {
    let state = state();
    let body: &'static [u8] = Vec::leak(vec![b' '; 1024 * 1024 + 1]);
    ask(&state, post("/v1/notes", body))
        .await
        .is(413, "body_too_large");
    // Without a length, as a chunked body comes.
    let mut chunked = post("/v1/notes", body).insert_header(("transfer-encoding", "chunked"));
    chunked = chunked.insert_header(("content-length", "0"));
    ask(&state, chunked).await.is(413, "body_too_large");
    let fits: &'static [u8] =
        Vec::leak([br#"{"text": "x"}"#.to_vec(), vec![b' '; 1024 * 1024 - 13]].concat());
    assert_eq!(ask(&state, post("/v1/notes", fits)).await.status, 201);
}

#[actix_web::test]
async fn versions_are_asked_for_and_compared() {
    let state = state();
    let uri = format!("/v1/notes/{ID}");
    let put = || sent(TestRequest::put(), &uri, b"{}");
    ask(&state, put()).await.is(428, "if_match_required");
    ask(&state, put().insert_header(("if-match", "*")))
        .await
        .is(400, "invalid_if_match");
    ask(&state, put().insert_header(("if-match", "W/\"3\"")))
        .await
        .is(400, "invalid_if_match");
    ask(&state, put().insert_header(("if-match", "\"2\"")))
        .await
        .is(412, "stale_version");
    let changed = ask(&state, put().insert_header(("if-match", "\"3\""))).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"4\""));
    ask(&state, get("/v1/notes/17")).await.is(404, "not_found");
    let gone = ask(
        &state,
        TestRequest::delete()
            .uri(&uri)
            .insert_header(("authorization", "Bearer ann@north")),
    )
    .await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
}

#[actix_web::test]
async fn a_key_comes_with_what_it_stands_for() {
    let state = state();
    let mut prints = Vec::new();
    for body in [
        &br#"{"text":"a","volume":1}"#[..],
        br#"{ "volume": 1, "text": "a" }"#,
        br#"{"text":"b"}"#,
    ] {
        let request =
            sent(TestRequest::post(), "/v1/notes", body).insert_header(("idempotency-key", "k1"));
        assert_eq!(ask(&state, request).await.status, 201);
        let seen = state.app.seen.lock().unwrap().clone().unwrap();
        assert_eq!(seen.key, "k1");
        prints.push(seen.fingerprint);
    }
    assert_eq!(prints[0], prints[1]);
    assert_ne!(prints[0], prints[2]);
    let spaced = post("/v1/notes", b"{}").insert_header(("idempotency-key", "a b"));
    ask(&state, spaced).await.is(400, "invalid_idempotency_key");
}

#[actix_web::test]
async fn pages_lead_to_the_next_and_only_there() {
    let state = state();
    let mut uri = "/v1/notes?limit=50&side=left&colours=red%2Cgr%C3%BCn".to_owned();
    let mut seen: Vec<u64> = Vec::new();
    loop {
        let answer = ask(&state, get(&uri)).await;
        let page = answer.json();
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item.as_u64().unwrap()),
        );
        assert_eq!(page["count"], Value::Null);
        if page["next"].is_null() {
            assert_eq!(answer.header("link"), "");
            break;
        }
        let link = answer.header("link").to_owned();
        let (target, rest) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
        assert_eq!(rest, "; rel=\"next\"");
        assert!(
            target.starts_with("/v1/notes?limit=50&side=left&colours=red%2Cgr%C3%BCn&cursor="),
            "{target}"
        );
        uri = target.to_owned();
    }
    assert_eq!(seen, (0..120).collect::<Vec<u64>>());

    let next = ask(&state, get("/v1/notes?side=left")).await.json()["next"]
        .as_str()
        .unwrap()
        .to_owned();
    let other = |query: &str| get(&format!("/v1/notes?{query}"));
    ask(&state, other(&format!("side=right&cursor={next}")))
        .await
        .is(400, "invalid_cursor");
    ask(&state, other(&format!("side=left&cursor={next}x")))
        .await
        .is(400, "invalid_cursor");
    ask(&state, other("side=left&cursor=MTIz"))
        .await
        .is(400, "invalid_cursor");
    let south = other(&format!("side=left&cursor={next}"))
        .insert_header(("authorization", "Bearer ann@south"));
    ask(&state, south).await.is(400, "invalid_cursor");
    let more = ask(
        &state,
        other(&format!("cursor={next}&side=left&limit=2&count=true")),
    )
    .await
    .json();
    assert_eq!(
        (&more["items"], &more["count"]),
        (&json!([50, 51]), &json!(120))
    );
}

#[actix_web::test]
async fn failures_show_nothing_from_inside_and_the_server_lives_on() {
    let state = state();
    for how in ["panic", "internal"] {
        let answer = ask(&state, get(&format!("/v1/fail/{how}"))).await;
        answer.is(500, "internal");
        assert!(!String::from_utf8_lossy(&answer.body).contains("Jane"));
        assert_eq!(answer.json().get("detail"), None);
    }
    let busy = ask(&state, get("/v1/fail/busy")).await;
    busy.is(503, "busy");
    assert_eq!(busy.header("retry-after"), "7");
    ask(&state, get("/v1/fail/conflict"))
        .await
        .is(409, "exists");
    ask(&state, get("/v1/fail/key"))
        .await
        .is(422, "idempotency_key_reused");
    ask(&state, get("/v1/fail/forbidden"))
        .await
        .is(403, "forbidden");
    assert_eq!(ask(&state, get("/v1/notes")).await.status, 200);
    assert_eq!(state.permits.available_permits(), state.settings.permits);
}

#[actix_web::test]
async fn a_full_house_says_come_again() {
    let mut settings = settings();
    (settings.permits, settings.queue, settings.retry_after) = (1, 1, 4);
    settings.patience = Duration::from_millis(100);
    let state = state_with(settings);
    let app = test::init_service(App::new().configure(|config| configure(config, &state))).await;
    let first = actix_web::rt::spawn(app.call(get("/v1/wait").to_request()));
    while state.app.handled.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let second = actix_web::rt::spawn(app.call(get("/v1/notes").to_request()));
    tokio::time::sleep(Duration::from_millis(20)).await;
    // The one place in the queue is taken, so this one is told at once.
    let third = ask(&state, get("/v1/notes")).await;
    third.is(503, "busy");
    assert_eq!(third.header("retry-after"), "4");
    assert_eq!(
        second.await.unwrap().unwrap().status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    // What is in memory answers all the same.
    assert_eq!(
        ask(&state, TestRequest::get().uri("/health/live"))
            .await
            .status,
        200
    );
    assert_eq!(
        ask(&state, TestRequest::get().uri("/health/ready"))
            .await
            .status,
        200
    );
    state.app.gate.open();
    assert_eq!(first.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[actix_web::test]
async fn a_handler_past_the_deadline_is_not_waited_for() {
    let mut settings = settings();
    settings.deadline = Duration::from_millis(100);
    let state = state_with(settings);
    let answer = ask(&state, get("/v1/wait")).await;
    answer.is(503, "deadline_exceeded");
    assert_eq!(answer.header("retry-after"), "1");
    // It holds its permit until it is through.
    assert_eq!(
        state.permits.available_permits(),
        state.settings.permits - 1
    );
    state.app.gate.open();
}

#[actix_web::test]
async fn streams_are_files_and_their_first_error_is_a_problem() {
    let state = state();
    let short = ask(&state, get("/v1/stream/short.csv")).await;
    assert_eq!((short.status, &short.body[..]), (200, &b"a,b\n1,2\n"[..]));
    assert_eq!(
        short.header("content-disposition"),
        "attachment; filename=\"notes.csv\""
    );
    assert_eq!(short.header("content-type"), "text/csv");
    assert_eq!(ask(&state, get("/v1/stream/empty.csv")).await.body.len(), 0);
    let fails = ask(&state, get("/v1/stream/fails.csv")).await;
    fails.is(503, "busy");
    ask(&state, get("/v1/stream/panics.csv"))
        .await
        .is(500, "internal");
}

#[actix_web::test]
async fn health_and_metrics_need_no_token() {
    let state = state();
    let open = |uri: &str| TestRequest::get().uri(uri);
    assert_eq!(
        ask(&state, open("/health/ready")).await.json()["status"],
        "ok"
    );
    state.app.broken.store(true, Ordering::SeqCst);
    let ready = ask(&state, open("/health/ready")).await;
    assert_eq!(
        (ready.status, ready.json()["status"].as_str()),
        (503, Some("not_ready"))
    );
    ask(&state, get(&format!("/v1/notes/{ID}"))).await;
    ask(&state, get("/v1/Jane-Doe")).await;
    let metrics = ask(&state, open("/metrics")).await;
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(metrics.header("content-type").starts_with("text/plain"));
    for line in [
        "medial_http_requests_total{method=\"GET\",route=\"/v1/notes/{id}\",status=\"200\"} 1",
        "medial_http_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 1",
        "medial_http_requests_in_flight 1",
        "medial_http_permits_available 32",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("Jane") && !text.contains(ID));
}

#[actix_web::test]
async fn the_log_has_one_line_a_request_and_nothing_about_anybody() {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let state = state();
    // Another test may have met these lines first, without anybody listening; from then on they are skipped until this.
    ask(&state, get("/v1/fail/internal")).await;
    tracing::callsite::rebuild_interest_cache();
    log.0.lock().unwrap().clear();
    ask(&state, get(&format!("/v1/notes/{ID}?name=Jane-Doe"))).await;
    ask(&state, get("/v1/fail/internal")).await;
    drop(guard);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let answered: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("answered"))
        .collect();
    assert_eq!(answered.len(), 2, "{text}");
    for part in [
        "method=\"GET\"",
        "route=\"/v1/notes/{id}\"",
        "status=400",
        "duration_us=",
        "request_id=",
    ] {
        assert!(answered[0].contains(part), "{part}: {}", answered[0]);
    }
    assert!(!text.contains(ID) && !text.contains("Jane-Doe"));
    let inside: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("the secret of Jane Doe"))
        .collect();
    assert_eq!(inside.len(), 1, "internals go to the log once");
    assert!(inside[0].contains("ERROR") && inside[0].contains("request_id="));
}

#[actix_web::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let state = state();
    let open = |uri: &str| TestRequest::get().uri(uri);
    let page = ask(&state, open("/docs")).await;
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("<script>"));
    assert!(
        page.header("content-security-policy")
            .contains("script-src 'self'; style-src 'self';")
    );
    for (file, kind) in [
        ("swagger-ui.css", "text/css; charset=utf-8"),
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("start.js", "text/javascript; charset=utf-8"),
        ("favicon-32x32.png", "image/png"),
    ] {
        assert!(html.contains(&format!("docs/{file}")), "{file}");
        let answer = ask(&state, open(&format!("/docs/{file}"))).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, kind));
        assert!(!answer.body.is_empty());
    }
    ask(&state, open("/docs/..%2Fsecret"))
        .await
        .is(404, "not_found");
    let document = ask(&state, open("/openapi.yaml")).await;
    assert!(document.body.starts_with(b"openapi: 3.1.0\n"));
    for kind in Kind::ALL {
        assert_eq!(
            ask(&state, open(&format!("/problems/{}", kind.slug())))
                .await
                .status,
            200
        );
    }
}
