# frozen_string_literal: true

require_relative "helper"
require "zlib"

# The programs in examples.
class ExamplesTest < OciregTest
  EXAMPLES = Dir[File.expand_path("../examples/*.rb", __dir__)]

  def test_they_are_short
    refute_empty EXAMPLES
    EXAMPLES.each { |file| assert_operator File.readlines(file).size, :<, 70, file }
  end

  def test_bottles
    repository = new_repository
    Dir.mktmpdir do |folder|
      files = %w[arm intel].to_h { |name| [name, "#{folder}/#{name}.tar.gz"] }
      files.each { |name, file| File.binwrite(file, Zlib.gzip(tar("jq", name))) }
      assert_includes bottles("push", "#{repository}:1.7", "darwin/arm64:15=#{files["arm"]}"), "sha256:"
      # Another platform is added, and its own bottle takes the place of an old one.
      2.times { bottles("push", "#{repository}:1.7", "linux/amd64=#{files["intel"]}") }
      index = client.manifest("#{repository}:1.7")
      assert_equal([%w[darwin arm64], %w[linux amd64]], index.manifests.map { |entry| entry["platform"].values_at("os", "architecture") })
      assert_equal "15", index.manifests.first["platform"]["os.version"]
      client.extract_image("#{repository}:1.7", "#{folder}/out", platform: "linux/amd64")
      assert_equal "intel", File.read("#{folder}/out/jq")

      digest = index.manifests.first["annotations"]["sh.brew.bottle.digest"]
      said = bottles("fetch", digest, "#{folder}/got", "#{registry}/no-mirror", repository)
      assert_includes said, "NOT_FOUND; trying the next one"
      assert_equal File.binread(files["arm"]), File.binread("#{folder}/got")
      assert_includes bottles("fetch", digest, "#{folder}/none", "#{registry}/no-mirror", success: false), "Ocireg::NotFound"
      refute_path_exists "#{folder}/none"
    end
  end

  # The layers and the config arrive while a fiber counts, on one thread; what a registry lacks ends its own fiber and no other.
  def test_fibers
    repository = new_repository
    layers = Array.new(3) { |i| ["x", "y" * 1000, "z" * 3_000_000][i] }
    descriptors = layers.map { |data| { "digest" => client.put_blob(repository, data)["digest"], "size" => data.bytesize } }
    config = { "digest" => client.put_blob(repository, "{}")["digest"], "size" => 2 }
    document = { "schemaVersion" => 2, "mediaType" => Ocireg::MediaType::OCI_MANIFEST, "config" => config, "layers" => descriptors }
    client.put_manifest("#{repository}:one", document)
    Dir.mktmpdir do |folder|
      said = example("fibers", "#{repository}:one", folder)
      descriptors.zip(layers) { |found, data| assert_equal data, File.binread("#{folder}/#{found["digest"].tr(":", "-")}") }
      assert_includes said, "config of 2 bytes"
      assert_match(/^at most \d+ ms between two turns, \d+ threads$/, said)
      assert_includes example("fibers", "#{repository}:none", folder, success: false), "Ocireg::NotFound"
      client.delete_blob("#{repository}@#{descriptors[1]["digest"]}")
      assert_includes example("fibers", "#{repository}:one", folder, success: false), "#{descriptors[1]["digest"]}: "
      client.delete_blob("#{repository}@#{config["digest"]}")
      assert_includes example("fibers", "#{repository}:one", folder, success: false), "Ocireg::NotFound"
    end
  end

  def bottles(...) = example("bottles", ...)

  # Runs it; returns what it says.
  def example(name, *arguments, success: true)
    program = File.expand_path("../examples/#{name}.rb", __dir__)
    said = IO.popen([RbConfig.ruby, "-w", "-I", File.expand_path("../lib", __dir__), program, *arguments, { err: %i[child out] }], &:read)
    assert_equal success, $?.success?, said
    said
  end
end
