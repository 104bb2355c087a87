//! The services that there are.

use crate::http::Reply;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// One service: one hook.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service {
    /// The last part of its address.
    pub(super) id: &'static str,
    /// The hook that it answers.
    pub(super) hook: HookKind,
    title: &'static str,
    description: &'static str,
}

/// The hooks that are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HookKind {
    PatientView,
    OrderSelect,
    OrderSign,
    AppointmentBook,
}

impl HookKind {
    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            HookKind::PatientView => "patient-view",
            HookKind::OrderSelect => "order-select",
            HookKind::OrderSign => "order-sign",
            HookKind::AppointmentBook => "appointment-book",
        }
    }
}

/// The key under which the patient is prefetched.
pub(super) const PATIENT: &str = "patient";

/// The key under which the orders are prefetched that an appointment may be based on.
pub(super) const ORDERS: &str = "orders";

const USAGE: &str = "Calls are signed by a registered client (RS384 or ES384). The patient is found by the identifiers of the FHIR Patient, \
    which is prefetched or read from the FHIR server that is registered for the client.";

const SERVICES: [Service; 4] = [
    Service {
        id: "medial-patient-view",
        hook: HookKind::PatientView,
        title: "Medial branch blocks: what is to be decided",
        description: "Says what published criteria say about the facet joints of a patient: candidates for ablation, the day from which a \
            confirmatory block counts, and data that is missing.",
    },
    Service {
        id: "medial-order-select",
        hook: HookKind::OrderSelect,
        title: "Facet procedures: criteria for what is selected",
        description: "Says whether selected orders of facet blocks (CPT 64490-64495) and ablations (CPT 64633-64636) meet published criteria.",
    },
    Service {
        id: "medial-order-sign",
        hook: HookKind::OrderSign,
        title: "Facet procedures: criteria for what is signed",
        description: "Says whether orders of facet blocks (CPT 64490-64495) and ablations (CPT 64633-64636) meet published criteria, and which \
            rule is not met or what is missing.",
    },
    Service {
        id: "medial-appointment-book",
        hook: HookKind::AppointmentBook,
        title: "Facet procedures: criteria for what is booked",
        description: "Says whether booked facet blocks and ablations meet published criteria, and whether a confirmatory block comes too early \
            to count.",
    },
];

impl Service {
    /// The service with an id.
    pub(super) fn find(id: &str) -> Option<&'static Service> {
        SERVICES.iter().find(|service| service.id == id)
    }

    fn described(&self) -> Value {
        let mut prefetch = json!({ PATIENT: "Patient/{{context.patientId}}" });
        if let (HookKind::AppointmentBook, Value::Object(prefetch)) = (self.hook, &mut prefetch) {
            let orders = "ServiceRequest?patient={{context.patientId}}&status=active";
            prefetch.insert(ORDERS.to_owned(), orders.into());
        }
        json!({
            "hook": self.hook.name(),
            "title": self.title,
            "description": self.description,
            "id": self.id,
            "prefetch": prefetch,
            "usageRequirements": USAGE,
        })
    }
}

/// Every service, made once.
pub(super) fn discovery() -> Reply {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
        let services: Vec<Value> = SERVICES.iter().map(Service::described).collect();
        json!({ "services": services }).to_string()
    });
    Reply::json_text(DOCUMENT.as_str())
}
