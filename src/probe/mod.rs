//! The only code that touches the network, and only when the user asked for it: `fetch` gets the issuers and CRLs that
//! certificates point at. What comes back is a stranger's answer; nothing here believes it.

pub mod fetch;
