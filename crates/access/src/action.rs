//! What a caller may want to do. Closed, so that a new interaction cannot be served before policy names it.

use crate::words::closed;

closed! {
    pub enum Action {
        Read = "read",
        VRead = "vread",
        HistoryInstance = "history-instance",
        HistoryType = "history-type",
        HistorySystem = "history-system",
        Search = "search",
        SearchSystem = "search-system",
        Create = "create",
        Update = "update",
        Patch = "patch",
        Delete = "delete",
        /// `$everything` of one chart, and the chart page.
        Everything = "everything",
        /// Bulk export.
        Export = "export",
        /// Link two charts of one patient.
        Merge = "merge",
        /// Destroy a chart's key.
        Erase = "erase",
        /// Correct security labels, with a trace.
        Label = "label",
        /// Read the audit log through its own doors (accounting of disclosures, reports, verification).
        AuditRead = "audit-read",
        AuditExport = "audit-export",
        /// Settings, accounts, roles and what is audited.
        Administer = "administer",
        /// Accounts: invite, activate, recover, deactivate; sessions and tokens of others.
        ManageAccounts = "manage-accounts",
        /// Grant, end and recertify roles.
        ManageRoles = "manage-roles",
        ManageDevices = "manage-devices",
        /// Propose, replay and activate policy versions.
        ManagePolicies = "manage-policies",
        /// Review the week, its alerts and whatever glass is broken.
        ReviewAlerts = "review-alerts",
        /// Why a decision came out as it did, for somebody else.
        Explain = "explain",
        BreakGlass = "break-glass",
        /// Read alerts, take them, close them: each role those that are its own to look after.
        TendAlerts = "tend-alerts",
        /// Give a patient a way into the own chart: activate and recover accounts of patients, and no others.
        ActivatePatients = "activate-patients",
        /// Which business associate agreements there are, and which are in force.
        ReadAgreements = "read-agreements",
        /// Add, amend and end them.
        ManageAgreements = "manage-agreements",
        /// Answer a form that one was asked to fill in: the response, and that the Task is done. What a patient writes.
        Answer = "answer",
    }
}

impl Action {
    /// Whether the action changes the record.
    pub const fn writes(self) -> bool {
        matches!(
            self,
            Action::Create
                | Action::Update
                | Action::Patch
                | Action::Delete
                | Action::Merge
                | Action::Erase
                | Action::Label
                | Action::Answer
        )
    }
}
