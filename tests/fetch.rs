//! `chain build --fetch` and `crl fetch`: what a web server answers becomes part of the result only if it is proven, and no
//! answer can hold pkit up, fill its memory or lead it elsewhere. Every server here is on loopback.

mod crls;
mod issuers;

use crate::common::http::{Page, Server, nobody};
