//! Tags that are set on a condition, at real registries: none of those here looks at conditions, so the library does.

use ocireg::error::Code;
use ocireg::registry::manifest::PutOptions;
use ocireg::store::condition::{ConditionCheck, NameOptions};

use crate::{places, push_image, sha256};

#[test]
fn a_tag_is_not_taken_from_others() {
    for place in places() {
        let client = place.client();
        let call = client.call(None).unwrap();
        let name = "conditions/image";
        let [one, two] = ["amd64", "arm64"].map(|arch| push_image(&place, &client, name, arch));
        let put = |manifest: &[u8], names: NameOptions| {
            let options = PutOptions { names, ..PutOptions::default() };
            client.put_manifest(&call, &place.reference(&format!("{name}:t")), manifest, &options)
        };
        let exists = |what: &str| NameOptions { if_exists: Some(what.to_owned()), ..NameOptions::default() };
        let refers = |manifest: &[u8]| NameOptions { if_digest: Some(sha256(manifest)), ..NameOptions::default() };
        assert_eq!(put(&one, exists("fail")).unwrap().condition, Some(ConditionCheck::Looked), "{}", place.host);
        let error = put(&two, exists("fail")).err().unwrap();
        assert_eq!(error.code(), Code::DigestMismatch, "{}", place.host);
        assert_eq!(error.conflict().unwrap().digest.as_deref(), Some(sha256(&one).as_str()));
        assert_eq!(put(&two, exists("skip")).unwrap().skipped, ["t"]);
        assert_eq!(put(&one, refers(&two)).err().unwrap().code(), Code::DigestMismatch);
        assert_eq!(put(&two, refers(&one)).unwrap().tags, ["t"]);
        assert_eq!(place.crane(&["digest", &format!("{}/{name}:t", place.host)]).trim(), sha256(&two).as_str());
    }
}
