# frozen_string_literal: true

require_relative "helper"

class NamesTest < OciregTest
  def test_a_reference
    reference = Ocireg::Reference.parse("mongo")
    assert_equal "docker.io", reference.host
    assert_equal "library/mongo", reference.repository
    assert_equal ["mongo", "docker.io/mongo", "latest", nil], [reference.local_name, reference.canonical_name, reference.tag, reference.digest]
    assert_equal "docker.io/library/mongo:latest", reference.to_s
    assert_equal "docker.io/mongo:latest", reference.canonical
    assert_predicate reference, :official?
    assert_nil reference.scheme
    assert_deep_frozen reference.to_h
    assert_predicate reference, :frozen?
    assert_equal reference, Ocireg::Reference.parse("docker.io/library/mongo:latest")
    assert_equal 1, [reference, Ocireg::Reference.parse("mongo")].uniq.size
    assert_equal "q.io", Ocireg::Reference.parse("a/b", default_index: "q.io").host
  end

  def test_other_names
    assert_equal({ "name" => "quay.io", "host" => "quay.io", "official" => false, "scheme" => "https" }, Ocireg.parse_registry("https://quay.io"))
    assert_equal "oci", Ocireg.parse_place("oci:/a:b")["transport"]
    assert_raises(Ocireg::InvalidReference) { Ocireg.parse_registry("ftp://a.b") }
  end

  def test_a_text_stays_as_it_was_for_the_library
    long = "a" * 1000
    text = Ocireg::Convert.text("name", long)
    long << "b"
    assert_equal ["a" * 1000, true], [text, text.frozen?]
    path = Struct.new(:to_path).new(String.new("here"))
    assert_predicate Ocireg::Convert.text("path", path), :frozen?
    refute_predicate path.to_path, :frozen?
    frozen = "a".freeze
    assert_same frozen, Ocireg::Convert.text("name", frozen)
  end

  def test_digests
    assert_equal "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", Ocireg.digest("hello")
    assert_match(/\Asha512:\h{128}\z/, Ocireg.digest("hello", algorithm: :sha512))
    assert_raises(Ocireg::InvalidArgument) { Ocireg.digest(5) }
  end

  def test_a_manifest_from_bytes
    manifest = Ocireg.inspect_manifest(JSON.generate(manifest_of([Ocireg.digest("a")] * 2, [1, 1])))
    assert_equal ["image", IMAGE, 1], [manifest.kind, manifest.media_type, manifest.layers.size]
    assert_equal Ocireg.digest(manifest.bytes), manifest.digest
    assert_raises(Ocireg::InvalidManifest) { Ocireg.inspect_manifest("{}") }
  end

  def test_a_manifest_of_its_parts
    layer = { mediaType: "text/plain", digest: Ocireg.digest("a"), size: 1 }
    manifest = Ocireg.build_manifest({ artifactType: "application/x", layers: [layer] })
    assert_equal ["artifact", 1], [manifest.kind, manifest.layers.size]
    assert_equal Ocireg.digest(manifest.bytes), manifest.digest
    assert_equal manifest.bytes, Ocireg.build_manifest(manifest.bytes.sub(/"schemaVersion":2,/, "")).bytes
    assert_match(/"layer"/, assert_raises(Ocireg::InvalidManifest) { Ocireg.build_manifest({ layer: [] }) }.message)
  end

  def test_texts_that_are_none
    assert_match(/contains a NUL/, assert_raises(Ocireg::InvalidArgument) { Ocireg::Reference.parse("a\0b") }.message)
    assert_raises(Ocireg::InvalidArgument) { Ocireg::Reference.parse(nil) }
    assert_raises(Ocireg::InvalidArgument) { Ocireg::Reference.parse("\xff".b) }
    assert_equal "b", Ocireg::Reference.parse("h.io/b".encode("UTF-16LE")).repository
  end

  def test_the_version
    assert_equal Ocireg::VERSION, Ocireg.library_version
  end

  def test_signed_manifests
    key = Ocireg::Schema1.key(format: "sec1")
    bytes = JSON.generate("schemaVersion" => 1, "name" => "a/b", "tag" => "c", "architecture" => "amd64",
                          "fsLayers" => [{ "blobSum" => Ocireg.digest("x") }],
                          "history" => [{ "v1Compatibility" => JSON.generate("id" => "1" * 64) }])
    signed = Ocireg::Schema1.sign(bytes, key, time: "2015-04-08T18:52:59Z")
    id = Ocireg::Schema1.key_info(key)["key_id"]
    verified = Ocireg::Schema1.verify(signed, keys: [id])
    assert_equal ["a/b", id], [verified["name"], verified["signatures"][0]["key_id"]]
    assert_equal verified["digest"], Ocireg.digest(Ocireg::Schema1.payload(signed))
    assert_raises(Ocireg::SignatureError) { Ocireg::Schema1.verify(bytes) }
  end
end
