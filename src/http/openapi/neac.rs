//! The interface provincial systems call (`docs/neac.md`).

use super::super::problem;
use super::operation::{Operation, Tag, Text, json, json_body, path, plain, text};

pub fn methods() -> Vec<Operation> {
    vec![
        Operation {
            answers: vec![json(200, "NeacAnswer", "Certificates that can sign")],
            ..call(
                "/sp769/v1/credentials/get_certificate",
                "neacCertificates",
                "NeacPerson",
                text("Chứng thư của một người", "A person's certificates"),
            )
        },
        Operation {
            answers: vec![json(200, "NeacAnswer", "Waits for the signer; data.confirm_url is their page")],
            ..call("/sp769/v1/signatures/sign", "neacSign", "NeacSign", text("Ký các mã băm", "Have hashes signed"))
        },
        Operation {
            parameters: vec![path("id", "Id", "transaction_id of the answer to sign")],
            answers: vec![json(200, "NeacAnswer", "data.tran_status: 4000 waiting, 1 signed, 4001 to 4004 over")],
            ..call(
                "/sp769/v1/signatures/sign/{id}/status",
                "neacStatus",
                "NeacCaller",
                text("Kết quả ký", "What became of it"),
            )
        },
    ]
}

fn call(path: &'static str, id: &'static str, schema: &'static str, summary: Text) -> Operation {
    Operation {
        body: json_body(schema),
        faults: vec![&problem::UNKNOWN_CLIENT, &problem::NOT_FOUND, &problem::TOO_MANY_CALLS],
        ..plain("post", path, Tag::Neac, id, summary)
    }
}
