//! Medial records medial branch blocks with the pain scores before and after them, judges every
//! target by each body's published criteria and lists the candidates for radiofrequency ablation.
//!
//! `docs/ARCHITECTURE.md` names the rooms and what each of them may import; a test enforces it.

pub mod app;
pub mod audit;
pub mod auth;
pub mod cds;
pub mod chart;
pub mod cli;
pub mod db;
pub mod domain;
pub mod evidence;
pub mod export;
pub mod fhir;
pub mod http;
pub mod jobs;
pub mod seam;
pub mod web;
pub mod wire;
