//! A browser of one test, and what can be asked of the page in it.

use crate::service::{PASSWORD, Service};
use crate::support::program::Directory;
use base64::Engine;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use thirtyfour::prelude::*;

/// How long a page may take to become what is waited for.
const PATIENCE: Duration = Duration::from_secs(15);
const AXE: &str = "MEDIAL_TEST_AXE";
const FETCHED_AXE: &str = "target/browser/axe-core-4.14.1/axe.min.js";

/// Finds what is shown and has this role and this name, as somebody who reads the page aloud would say it: the whole
/// name or, where nothing has that, its beginning.
const FIND: &str = r#"
const [role, wanted] = arguments;
const kinds = {
  button: "button, input[type=submit], [role=button], summary, a.button",
  link: "a[href]",
  field: "input:not([type=hidden]), select, textarea",
  heading: "h1, h2, h3, legend",
  text: "body *",
};
const clean = (text) => (text ?? "").replace(/\s+/g, " ").replace(/ \*$/, "").trim();
const name = (it) => {
  const by = it.getAttribute("aria-labelledby");
  if (it.getAttribute("aria-label")) return clean(it.getAttribute("aria-label"));
  if (by) return clean(by.split(" ").map((id) => document.getElementById(id)?.textContent).join(" "));
  if (it.labels?.length) return clean([...it.labels].map((label) => label.textContent).join(" "));
  return clean(it.innerText ?? it.textContent);
};
const shown = (it) => it.getClientRects().length > 0 && !it.closest("[aria-hidden=true]");
const open = [...document.querySelectorAll("dialog[open]")].pop() ?? document;
const all = [...open.querySelectorAll(kinds[role])].filter(shown);
return all.find((it) => name(it) === wanted) ?? all.find((it) => name(it).startsWith(wanted)) ?? null;
"#;

const RUN_AXE: &str = r#"
const done = arguments[arguments.length - 1];
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
axe.run(document, { runOnly: tags, resultTypes: ["violations"] }).then(
  (found) => done(found.violations.flatMap((one) =>
    one.nodes.map((node) => `${one.id}: ${one.help}: ${node.target.join(" ")}: ${node.html.slice(0, 160)}: ${(node.any[0] ?? node.all[0] ?? node.none[0])?.message ?? ""}`))),
  (error) => done([`axe failed: ${error}`]));
"#;

/// What the page is shown on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    Desktop,
    Tablet,
    Phone,
}

impl Screen {
    fn size(self) -> (u32, u32) {
        match self {
            Screen::Desktop => (1440, 900),
            Screen::Tablet => (1024, 768),
            Screen::Phone => (390, 844),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Screen::Desktop => "desktop",
            Screen::Tablet => "tablet",
            Screen::Phone => "phone",
        }
    }
}

/// A browser with a profile of its own. It ends with the test, also where that fails.
pub struct Browser {
    driver: Option<WebDriver>,
    runtime: tokio::runtime::Runtime,
    process: Child,
    origin: String,
    screen: Cell<Screen>,
    theme: Cell<&'static str>,
    console: RefCell<Vec<String>>,
    network: RefCell<Vec<Value>>,
    profile: Directory,
}

impl Browser {
    /// One for this service.
    pub fn at(service: &Service, screen: Screen) -> Browser {
        Browser::with_origin(service.url(""), screen)
    }

    /// One for whatever serves at this origin.
    pub fn with_origin(origin: String, screen: Screen) -> Browser {
        let profile = Directory::new();
        let (process, port) = chromedriver(&profile);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut browser = Browser {
            driver: None,
            runtime,
            process,
            origin,
            screen: Cell::new(screen),
            theme: Cell::new("light"),
            console: RefCell::default(),
            network: RefCell::default(),
            profile,
        };
        let address = format!("http://127.0.0.1:{port}");
        let capabilities = capabilities(&browser.profile, screen);
        let driver = browser.runtime.block_on(async {
            let started =
                tokio::time::timeout(PATIENCE * 2, WebDriver::new(address, capabilities)).await;
            started.expect("the browser starts in time")
        });
        browser.driver = Some(driver.unwrap_or_else(|error| {
            panic!("Chromium does not start: {error}; scripts/test installs what it needs")
        }));
        let folder = browser.profile.path().display().to_string();
        browser.protocol(
            "Browser.setDownloadBehavior",
            json!({"behavior": "allow", "downloadPath": folder}),
        );
        browser.show_on(screen);
        browser.theme("light");
        browser
    }

    fn driver(&self) -> &WebDriver {
        self.driver.as_ref().unwrap()
    }

    fn wait<T>(&self, what: impl Future<Output = WebDriverResult<T>>) -> WebDriverResult<T> {
        self.runtime.block_on(async {
            tokio::time::timeout(PATIENCE * 2, what)
                .await
                .expect("the browser answers in time")
        })
    }

    fn protocol(&self, method: &str, parameters: Value) -> Value {
        let cdp = self.driver().cdp();
        self.wait(cdp.send_raw(method, parameters)).unwrap()
    }

    /// Puts the page on another screen.
    pub fn show_on(&self, screen: Screen) {
        let (width, height) = screen.size();
        self.screen.set(screen);
        self.protocol(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": screen == Screen::Phone}),
        );
    }

    /// Shows the page light or dark, as the system would ask for.
    pub fn theme(&self, theme: &'static str) {
        self.theme.set(theme);
        self.protocol(
            "Emulation.setEmulatedMedia",
            json!({"features": [{"name": "prefers-color-scheme", "value": theme}, {"name": "prefers-reduced-motion", "value": "reduce"}]}),
        );
    }

    /// Opens a path of the service, or a whole address.
    pub fn open(&self, path: &str) {
        let url = if path.contains(":") {
            path.to_owned()
        } else {
            format!("{}{path}", self.origin)
        };
        let opened = self.wait(self.driver().goto(&url));
        opened.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// Path and query of the page.
    pub fn path(&self) -> String {
        let url = self.wait(self.driver().current_url()).unwrap();
        let query = url.query().map(|query| format!("?{query}"));
        format!("{}{}", url.path(), query.unwrap_or_default())
    }

    /// The text that is shown.
    pub fn text(&self) -> String {
        let text = self.run("return document.body?.innerText ?? ''", &[]);
        text.as_str().unwrap().to_owned()
    }

    /// What a script returns.
    pub fn run(&self, script: &str, arguments: &[Value]) -> Value {
        let returned = self.wait(self.driver().execute(script, arguments.to_vec()));
        returned.unwrap().json().clone()
    }

    /// Waits until something is so.
    pub fn until(&self, what: &str, so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !so() {
            if begun.elapsed() > PATIENCE {
                let picture = self.picture("failed", false);
                panic!(
                    "not so: {what}\nat {}, which says:\n{}\n(shown in {})",
                    self.path(),
                    self.text(),
                    picture.display()
                );
            }
            std::thread::sleep(Duration::from_millis(40));
        }
    }

    /// Waits until the page shows this.
    pub fn sees(&self, text: &str) {
        self.until(&format!("the page shows “{text}”"), || {
            self.text().contains(text)
        });
    }

    fn found(&self, role: &str, name: &str) -> Option<WebElement> {
        let arguments = vec![json!(role), json!(name)];
        let found = self.wait(self.driver().execute(FIND, arguments)).ok()?;
        found.element().ok()
    }

    /// Whether there is such a button, link, field, heading or text.
    pub fn has(&self, role: &str, name: &str) -> bool {
        self.found(role, name).is_some()
    }

    fn find(&self, role: &str, name: &str) -> WebElement {
        self.until(&format!("there is a {role} “{name}”"), || {
            self.has(role, name)
        });
        self.found(role, name).unwrap()
    }

    /// Clicks a button, a link or a field with this name.
    pub fn click(&self, role: &str, name: &str) {
        self.until(&format!("the {role} “{name}” can be clicked"), || {
            let Some(element) = self.found(role, name) else {
                return false;
            };
            if self.wait(element.click()).is_ok() {
                return true;
            }
            // What is below something else is scrolled to; a field that is drawn by its label is clicked there, as a hand
            // would.
            let center = "arguments[0].scrollIntoView({block: 'center'})";
            let arguments = vec![element.to_json().unwrap()];
            let _ = self.wait(self.driver().execute(center, arguments));
            if self.wait(element.click()).is_ok() {
                return true;
            }
            let label = "const label = arguments[0].labels?.[0]; label?.scrollIntoView({block: 'center'}); return label";
            let arguments = vec![element.to_json().unwrap()];
            let label = self.wait(self.driver().execute(label, arguments));
            let label = label.and_then(|found| found.element());
            label.is_ok_and(|label| self.wait(label.click()).is_ok())
        });
    }

    /// Types into a field, in place of what was there.
    pub fn fill(&self, label: &str, text: &str) {
        let field = self.find("field", label);
        let _ = self.wait(field.clear());
        self.wait(field.send_keys(text)).unwrap();
    }

    /// Chooses one answer of a group, by its legend.
    pub fn choose(&self, group: &str, answer: &str) {
        let label = "const [group, answer] = arguments; \
            const fields = [...document.querySelectorAll('fieldset')].find((it) => it.querySelector(':scope > legend')?.innerText === group); \
            const label = [...(fields?.querySelectorAll('label') ?? [])].find((it) => it.innerText === answer); \
            label?.scrollIntoView({block: 'center'}); return label ?? null";
        self.until(&format!("“{group}” is answered “{answer}”"), || {
            let arguments = vec![json!(group), json!(answer)];
            let label = self.wait(self.driver().execute(label, arguments));
            let label = label.and_then(|found| found.element());
            label.is_ok_and(|label| self.wait(label.click()).is_ok())
        });
    }

    /// Types where the cursor is, as on a keyboard.
    pub fn press(&self, keys: impl Into<TypingData>) {
        let active = self.wait(self.driver().active_element()).unwrap();
        self.wait(active.send_keys(keys)).unwrap();
    }

    /// How many pixels the page is wider than the screen, which would have to be scrolled sideways.
    pub fn is_wider_by(&self) -> i64 {
        let wide = self.run("return document.documentElement.scrollWidth", &[]);
        wide.as_i64().unwrap() - i64::from(self.screen.get().size().0)
    }

    /// What a click brings into the folder of downloads.
    pub fn downloaded(&self, name: &str) -> Vec<u8> {
        let path = self.profile.path().join(name);
        self.until(&format!("{name} is downloaded"), || path.exists());
        std::fs::read(path).unwrap()
    }

    /// What is in a field.
    pub fn value(&self, label: &str) -> String {
        let field = self.find("field", label);
        let value = self.wait(field.prop("value")).unwrap();
        value.unwrap_or_default()
    }

    /// Signs in by the form, from whatever page leads there.
    pub fn sign_in(&self, login: &str) {
        self.fill("Name", login);
        self.fill("Password", PASSWORD);
        self.click("button", "Sign in");
        self.until("somebody has signed in", || self.has("button", "Sign out"));
    }

    /// Forgets every cookie, as when a session has ended.
    pub fn forget(&self) {
        self.wait(self.driver().delete_all_cookies()).unwrap();
    }

    /// Writes a picture of the whole page; where it is.
    pub fn screenshot(&self, name: &str) -> PathBuf {
        self.picture(name, true)
    }

    fn picture(&self, name: &str, whole: bool) -> PathBuf {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let name = format!(
            "{name}-{}-{}.png",
            self.screen.get().name(),
            self.theme.get()
        );
        let taken = self.protocol(
            "Page.captureScreenshot",
            json!({"format": "png", "captureBeyondViewport": whole}),
        );
        let path = folder.join(name);
        std::fs::write(&path, decoded(&taken["data"])).unwrap();
        path
    }

    /// The page as it would be printed: a PDF.
    pub fn print(&self) -> Vec<u8> {
        let printed = self.protocol("Page.printToPDF", json!({"printBackground": true}));
        decoded(&printed["data"])
    }

    /// What is in the way of somebody who cannot see, hear or move well: each finding of axe with its place.
    pub fn barriers(&self) -> Vec<String> {
        let driver = self.driver();
        self.wait(driver.execute(axe(), Vec::new())).unwrap();
        let found = self.wait(driver.execute_async(RUN_AXE, Vec::new()));
        found.unwrap().convert().unwrap()
    }

    /// No barrier, light or dark.
    pub fn is_accessible(&self, page: &str) {
        let before = self.theme.get();
        for theme in ["light", "dark"] {
            self.theme(theme);
            let found = self.barriers();
            assert!(found.is_empty(), "{page}, {theme}:\n{}", found.join("\n"));
        }
        self.theme(before);
    }

    /// Reads the browser's logs on, which forgets what it told.
    fn read_logs(&self) {
        let handle = self.driver().handle();
        for entry in self.wait(handle.get_log("browser")).unwrap() {
            if entry.level == "SEVERE" {
                self.console.borrow_mut().push(entry.message);
            }
        }
        for entry in self.wait(handle.get_log("performance")).unwrap() {
            let entry: Value = serde_json::from_str(&entry.message).unwrap();
            self.network.borrow_mut().push(entry["message"].clone());
        }
    }

    /// What the browser complained about: scripts that failed, what the policy did not let in, what could not be loaded.
    pub fn complaints(&self) -> Vec<String> {
        self.read_logs();
        self.console.borrow().clone()
    }

    /// Requests to anywhere else.
    pub fn foreign_requests(&self) -> Vec<String> {
        let own = format!("{}/", self.origin);
        let mut urls = self.network_values("Network.requestWillBeSent", "/request/url");
        urls.retain(|url| {
            let url = url.as_str().unwrap_or_default();
            let inside = ["data:", "blob:", "about:", "chrome:"];
            !url.starts_with(&own) && !inside.iter().any(|scheme| url.starts_with(scheme))
        });
        urls.iter().map(ToString::to_string).collect()
    }

    fn network_values(&self, method: &str, pointer: &str) -> Vec<Value> {
        self.read_logs();
        let network = self.network.borrow();
        let of_method = network.iter().filter(|event| event["method"] == method);
        of_method
            .filter_map(|event| event["params"].pointer(pointer).cloned())
            .collect()
    }

    /// Bytes that a page takes on its way here, with nothing of it kept from before.
    pub fn weight(&self, path: &str) -> u64 {
        self.protocol("Network.clearBrowserCache", json!({}));
        self.open("about:blank");
        self.read_logs();
        self.network.borrow_mut().clear();
        self.open(path);
        let weights = self.network_values("Network.loadingFinished", "/encodedDataLength");
        assert!(!weights.is_empty(), "{path} was loaded");
        weights.iter().filter_map(Value::as_u64).sum()
    }

    /// Nothing went wrong in any page so far, and none asked for anything from elsewhere.
    pub fn was_calm(&self) {
        self.was_calm_but(&[]);
    }

    /// As [`Browser::was_calm`], apart from complaints that were meant to come.
    pub fn was_calm_but(&self, expected: &[&str]) {
        let mut complaints = self.complaints();
        complaints.retain(|said| !expected.iter().any(|part| said.contains(part)));
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
        let foreign = self.foreign_requests();
        assert!(foreign.is_empty(), "requests elsewhere: {foreign:?}");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take() {
            let _ = self.runtime.block_on(async {
                tokio::time::timeout(Duration::from_secs(5), driver.quit()).await
            });
        }
        // Asked rather than killed, it ends a browser that did not answer.
        let _ = Command::new("kill")
            .args(["-TERM", &self.process.id().to_string()])
            .status();
        let asked = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) {
            if asked.elapsed() > Duration::from_secs(5) {
                let _ = self.process.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn decoded(data: &Value) -> Vec<u8> {
    let engine = base64::engine::general_purpose::STANDARD;
    engine.decode(data.as_str().unwrap()).unwrap()
}

/// The script of axe-core, as the test command fetched it.
fn axe() -> String {
    let fetched = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(FETCHED_AXE);
    let path = std::env::var_os(AXE).map_or(fetched, PathBuf::from);
    std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}: scripts/test fetches axe-core, or name one in {AXE}",
            path.display()
        )
    })
}

/// A driver on a port that it chose itself.
fn chromedriver(directory: &Directory) -> (Child, u16) {
    let program = std::env::var_os("MEDIAL_TEST_CHROMEDRIVER");
    let program = program.unwrap_or_else(|| "chromedriver".into());
    let mut child = Command::new(&program)
        .arg("--port=0")
        .current_dir(directory.path())
        .env("HOME", directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "{}: {error}: scripts/test installs Chromium and its driver, or name one in MEDIAL_TEST_CHROMEDRIVER",
                program.to_string_lossy()
            )
        });
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let port = said.by_ref().lines().find_map(|line| {
        let line = line.unwrap();
        let (_, port) = line.split_once("successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    // Read to the end, so that it never waits for a reader.
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    (child, port.expect("the driver says its port"))
}

fn capabilities(profile: &Directory, screen: Screen) -> Capabilities {
    let (width, height) = screen.size();
    let data = format!(
        "--user-data-dir={}",
        profile.path().join("profile").display()
    );
    let window = format!("--window-size={width},{height}");
    let arguments = json!([
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--lang=en-US",
        data,
        window,
    ]);
    let mut capabilities = Capabilities::new();
    let options = [
        ("browserName", json!("chrome")),
        (
            "goog:loggingPrefs",
            json!({"browser": "ALL", "performance": "ALL"}),
        ),
        (
            "goog:chromeOptions",
            json!({"args": arguments, "prefs": {"plugins.always_open_pdf_externally": true}}),
        ),
        ("unhandledPromptBehavior", json!("accept")),
    ];
    for (name, value) in options {
        capabilities.set(name, value).unwrap();
    }
    capabilities
}
