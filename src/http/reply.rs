//! What a handler answers.

use super::problem::{MEDIA_TYPE, Problem};
use super::stream::Producer;
use crate::app::error::Error;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use bytes::Bytes;
use serde::Serialize;
use uuid::Uuid;

/// An answer: its status, its headers and its body.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: ReplyBody,
}

/// What is in an answer.
#[derive(Debug)]
pub enum ReplyBody {
    /// Nothing.
    Empty,
    /// All of it.
    Whole(Bytes),
    /// Written bit by bit while it is sent.
    Stream(Producer),
}

/// An answer as it is kept to be given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReply {
    /// HTTP status.
    pub status: u16,
    /// Headers of the answer, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Reply {
    /// 200 with JSON.
    ///
    /// # Errors
    /// An internal one when the body does not serialize.
    pub fn json(body: &impl Serialize) -> Result<Reply, Error> {
        Reply::json_with(StatusCode::OK, body)
    }

    /// 200 with JSON and the version of the record.
    ///
    /// # Errors
    /// An internal one when the body does not serialize.
    pub fn ok(version: i32, body: &impl Serialize) -> Result<Reply, Error> {
        Ok(Reply::json(body)?.tagged(version))
    }

    /// 201 with JSON, where the new record is and its version.
    ///
    /// # Errors
    /// An internal one when the body does not serialize.
    pub fn created(location: &str, version: i32, body: &impl Serialize) -> Result<Reply, Error> {
        Ok(Reply::json_with(StatusCode::CREATED, body)?
            .header(header::LOCATION, location)?
            .tagged(version))
    }

    /// 202 with JSON and where to ask how it goes.
    ///
    /// # Errors
    /// An internal one when the body does not serialize.
    pub fn accepted(location: &str, body: &impl Serialize) -> Result<Reply, Error> {
        Reply::json_with(StatusCode::ACCEPTED, body)?.header(header::LOCATION, location)
    }

    /// JSON with any status.
    ///
    /// # Errors
    /// An internal one when the body does not serialize.
    pub fn json_with(status: StatusCode, body: &impl Serialize) -> Result<Reply, Error> {
        let text = serde_json::to_vec(body).map_err(|error| Error::Internal(error.into()))?;
        Ok(Reply::bytes(status, "application/json", text))
    }

    /// 200 with JSON that is a text already.
    #[must_use]
    pub fn json_text(text: &'static str) -> Reply {
        Reply::bytes(StatusCode::OK, "application/json", text)
    }

    /// A problem that a handler finds itself, as the pipeline shows those that it finds.
    ///
    /// # Errors
    /// An internal one when its challenge cannot stand in a header.
    pub fn problem(problem: &Problem, request_id: Uuid) -> Result<Reply, Error> {
        let body = problem.body(&request_id.to_string());
        let text = serde_json::to_vec(&body).map_err(|error| Error::Internal(error.into()))?;
        let reply = Reply::bytes(problem.kind.status_code(), MEDIA_TYPE, text);
        match &problem.challenge {
            Some(challenge) => reply.header(header::WWW_AUTHENTICATE, challenge),
            None => Ok(reply),
        }
    }

    /// 303: what was sent is done with, and the browser goes on to another page of ours.
    ///
    /// # Errors
    /// An internal one when the address cannot stand in a header.
    pub fn see_other(location: &str) -> Result<Reply, Error> {
        let reply = Reply {
            status: StatusCode::SEE_OTHER,
            headers: Vec::new(),
            body: ReplyBody::Empty,
        };
        reply.header(header::LOCATION, location)
    }

    /// 204.
    #[must_use]
    pub fn no_content() -> Reply {
        Reply {
            status: StatusCode::NO_CONTENT,
            headers: Vec::new(),
            body: ReplyBody::Empty,
        }
    }

    /// A body of any media type.
    #[must_use]
    pub fn bytes(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Reply {
        let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static(media_type))];
        Reply {
            status,
            headers,
            body: ReplyBody::Whole(body.into()),
        }
    }

    /// 200 with a body that `producer` writes bit by bit on a thread of its own, as a file to be saved under `file_name`.
    ///
    /// The producer is held back when the client reads slowly and its next write fails when the client is gone, so that memory stays the same
    /// however long the body is. When it fails before it wrote anything the client gets the error, afterwards a body that breaks off.
    ///
    /// # Errors
    /// An internal one when the file name cannot stand in a header.
    pub fn stream(
        media_type: &'static str,
        file_name: &str,
        producer: impl FnOnce(&mut dyn std::io::Write) -> Result<(), Error> + Send + 'static,
    ) -> Result<Reply, Error> {
        let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static(media_type))];
        Reply {
            status: StatusCode::OK,
            headers,
            body: ReplyBody::Stream(Producer::new(producer)),
        }
        .attached(file_name)
    }

    /// To be saved under a name.
    ///
    /// # Errors
    /// An internal one when the file name cannot stand in a header.
    pub fn attached(self, file_name: &str) -> Result<Reply, Error> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let name: String = file_name
            .chars()
            .map(|c| if plain(c) { c } else { '_' })
            .collect();
        self.header(
            header::CONTENT_DISPOSITION,
            &format!("attachment; filename=\"{name}\""),
        )
    }

    /// With one more header.
    ///
    /// # Errors
    /// An internal one when the value cannot stand in a header.
    pub fn header(mut self, name: HeaderName, value: &str) -> Result<Reply, Error> {
        let value = HeaderValue::from_str(value).map_err(|error| Error::Internal(error.into()))?;
        self.headers.push((name, value));
        Ok(self)
    }

    /// With the version of the record in `ETag`.
    #[must_use]
    pub fn tagged(mut self, version: i32) -> Reply {
        if let Ok(value) = HeaderValue::from_str(&format!("\"{version}\"")) {
            self.headers.push((header::ETAG, value));
        }
        self
    }

    /// With another status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Reply {
        self.status = status;
        self
    }

    /// Status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer as it can be kept to be given again; none when it is a stream.
    #[must_use]
    pub fn kept(&self) -> Option<KeptReply> {
        let body = match &self.body {
            ReplyBody::Empty => Vec::new(),
            ReplyBody::Whole(bytes) => bytes.to_vec(),
            ReplyBody::Stream(_) => return None,
        };
        let text = |value: &HeaderValue| value.to_str().map(str::to_owned).ok();
        let headers = self
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?)))
            .collect();
        Some(KeptReply {
            status: self.status.as_u16(),
            headers,
            body,
        })
    }

    /// Gives a kept answer again, and says in `Idempotent-Replayed` that it did.
    ///
    /// # Errors
    /// An internal one when what was kept is not an answer.
    pub fn again(kept: KeptReply) -> Result<Reply, Error> {
        let status =
            StatusCode::from_u16(kept.status).map_err(|error| Error::Internal(error.into()))?;
        let body = if kept.body.is_empty() {
            ReplyBody::Empty
        } else {
            ReplyBody::Whole(kept.body.into())
        };
        let mut reply = Reply {
            status,
            headers: Vec::new(),
            body,
        };
        for (name, value) in kept.headers {
            let name = HeaderName::try_from(name).map_err(|error| Error::Internal(error.into()))?;
            reply = reply.header(name, &value)?;
        }
        reply.header(HeaderName::from_static("idempotent-replayed"), "true")
    }

    /// Takes it apart for sending.
    #[must_use]
    pub fn into_parts(self) -> (StatusCode, Vec<(HeaderName, HeaderValue)>, ReplyBody) {
        (self.status, self.headers, self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_kept_answer_comes_again() {
        let first = Reply::created("/v1/blocks/1", 1, &json!({"id": 1})).unwrap();
        let kept = first.kept().unwrap();
        let again = Reply::again(kept.clone()).unwrap();
        assert_eq!(again.status(), StatusCode::CREATED);
        let mut expected = kept.headers.clone();
        expected.push(("idempotent-replayed".to_owned(), "true".to_owned()));
        let second = again.kept().unwrap();
        assert_eq!((second.headers, second.body), (expected, kept.body));
    }

    #[test]
    fn a_file_name_cannot_break_out_of_its_header() {
        let reply = Reply::no_content()
            .attached("a\"; filename=b\r\nX: y.csv")
            .unwrap();
        let kept = reply.kept().unwrap();
        assert_eq!(
            kept.headers,
            [(
                "content-disposition".to_owned(),
                "attachment; filename=\"a___filename_b__X__y.csv\"".to_owned()
            )]
        );
    }
}
