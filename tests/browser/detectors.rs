//! What the other tests rely on to find faults is seen to find them, on pages that are made to be wrong.

use crate::driver::{Browser, Screen};
use crate::service::Service;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// Serves pages that never change, until the test ends.
fn serve(pages: fn(SocketAddr) -> Vec<(&'static str, String)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let pages = Arc::new(pages(address));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // A browser may open connections that it does not use.
            let pages = Arc::clone(&pages);
            std::thread::spawn(move || answer(stream, &pages));
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream, pages: &[(&'static str, String)]) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let found = pages.iter().find(|(known, _)| *known == path);
    let body = found.map_or("", |(_, page)| page.as_str());
    let status = if found.is_some() {
        "200 OK"
    } else {
        "404 Not Found"
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Content-Security-Policy: img-src * data:; style-src 'none'\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

const HEAD: &str = "<!doctype html><html lang=en><title>A page</title><link rel=icon href='data:,'><main><h1>A page</h1>";

fn pages(own: SocketAddr) -> Vec<(&'static str, String)> {
    // The same server under another name is another host to a browser.
    let elsewhere = format!("http://localhost:{}/picture", own.port());
    vec![
        (
            "/calm",
            format!("{HEAD}<p>All is well, <a href=/calm>here</a>."),
        ),
        ("/unnamed", format!("{HEAD}<input id=unnamed>")),
        (
            "/pale",
            format!("{HEAD}<p><font color='#ccc' id=pale>Hard to read</font>"),
        ),
        (
            "/throws",
            format!("{HEAD}<script>throw new Error('went wrong')</script>"),
        ),
        ("/styled", format!("{HEAD}<p style='color: red'>Not let in")),
        ("/elsewhere", format!("{HEAD}<img alt=A src='{elsewhere}'>")),
        ("/picture", String::new()),
    ]
}

#[test]
fn each_detector_finds_its_fault_and_nothing_on_a_calm_page() {
    let browser = Browser::with_origin(serve(pages), Screen::Desktop);
    browser.open("/calm");
    browser.is_accessible("a calm page");
    browser.was_calm();

    browser.open("/unnamed");
    let found = browser.barriers().join("\n");
    assert!(
        found.contains("label: ") && found.contains("#unnamed"),
        "{found}"
    );
    browser.open("/pale");
    let found = browser.barriers().join("\n");
    assert!(
        found.contains("color-contrast") && found.contains("#pale"),
        "{found}"
    );
    browser.was_calm();

    browser.open("/throws");
    let found = browser.complaints().join("\n");
    assert!(found.contains("went wrong"), "{found}");
    browser.open("/styled");
    let found = browser.complaints().join("\n");
    assert!(found.contains("Content Security Policy"), "{found}");
    browser.open("/missing");
    let found = browser.complaints().join("\n");
    assert!(found.contains("404"), "{found}");

    assert_eq!(browser.foreign_requests(), [""; 0]);
    browser.open("/elsewhere");
    let found = browser.foreign_requests();
    assert!(
        found.len() == 1 && found[0].contains("/picture"),
        "{found:?}"
    );

    assert!(browser.weight("/calm") > 200);
    assert!(browser.print().starts_with(b"%PDF"));
}

#[test]
fn the_page_of_the_api_asks_for_nothing_from_elsewhere() {
    let service = Service::start();
    let browser = Browser::at(&service, Screen::Desktop);
    browser.open("/docs");
    browser.sees("/v1/blocks");
    browser.screenshot("docs");
    browser.was_calm();
}
