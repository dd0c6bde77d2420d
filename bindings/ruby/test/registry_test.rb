# frozen_string_literal: true

require_relative "helper"

class RegistryTest < OciregTest
  def test_ping_and_detect
    assert_equal 2, client.ping(registry)["api_version"]
    assert_equal 2, client.detect(registry)
    assert_deep_frozen client.ping(registry)
  end

  def test_names_that_are_taken
    image = put_image(tag: "a")
    repository, manifest = image.delete_suffix(":a"), client.manifest(image)
    put = client.put_manifest(repository, manifest, tags: %w[a b], if_exists: "skip")
    assert_equal [%w[b], %w[a], "looked"], put.values_at("tags", "skipped", "condition")
    assert_equal %w[a b], client.tags(repository)["tags"]
    taken = assert_raises(Ocireg::DigestMismatch) { client.tag_image(image, "b", if_exists: "fail") }
    assert_equal({ "name" => "b", "digest" => manifest.digest }, taken.conflict)
    assert_equal %w[b], client.copy(image, "#{repository}:b", if_exists: "skip")["skipped"]
    assert_equal "looked", client.tag_image(image, "b", if_digest: manifest.digest)["condition"]
  end

  def test_blob_info_cache
    Dir.mktmpdir do |folder|
      layout = "oci:#{folder}/layout:v1"
      client.copy(put_image, layout)
      mounted = Array.new(2) do
        Ocireg::Client.open(blob_info_cache: "#{folder}/what-is-where") do |other|
          other.copy(layout, "#{new_repository}:b")["blobs"]["mounted"]
        end
      end
      assert_equal [0, 2], mounted
    end
  end

  def test_pages
    repository = put_image(tag: "a").delete_suffix(":a")
    manifest = client.manifest("#{repository}:a")
    %w[b c d e].each { |tag| client.put_manifest("#{repository}:#{tag}", manifest) }
    assert_equal %w[a b c d e], client.tags(repository)["tags"]
    assert_equal ["b", %w[a b]], client.tags(repository, n: 2).values_at("last", "tags")
    assert_instance_of Enumerator, client.each_tag(repository)
    assert_equal %w[a b c d e], client.each_tag(repository, page_size: 2).to_a
    assert_equal %w[c d], client.each_tag(repository, page_size: 2, last: "b").first(2)
    assert_same client, client.each_tag(repository) { nil }
    assert_includes client.each_repository(registry, page_size: 3).to_a, repository.delete_prefix("#{registry}/")
    assert_equal [repository.delete_prefix("#{registry}/")], client.repositories(registry, search: repository[-12..])["repositories"]
  end

  # Only the registry decides where a list continues.
  def test_pages_by_token
    host = tokens(25)
    wanted = (0...25).map { |number| format("t%05d", number) }
    { each_tag: "#{host}/a", each_repository: host }.each do |each, name|
      [1, 3, 10, 100].each { |size| assert_equal wanted, client.public_send(each, name, page_size: size).first(100), "#{each} #{size}" }
      assert_equal wanted, client.public_send(each, name).first(100)
    end
    assert_equal wanted, client.tags("#{host}/a", n: 3, all: true)["tags"]
    page = client.tags("#{host}/a", n: 3)
    assert_equal wanted[3, 3], client.tags("#{host}/a", n: 3, next: page["next"])["tags"]
    assert_equal wanted[3..], client.each_tag("#{host}/a", next: page["next"]).first(100)
    assert_raises(Ocireg::InvalidArgument) { client.tags("#{host}/b", next: page["next"]) }
    assert_raises(Ocireg::InvalidArgument) { client.repositories(host, next: "x") }
    assert_raises(Ocireg::Unsupported) { client.each_tag("#{host}/a", last: "t00013").first(100) }
  end

  def test_pages_that_go_round
    same = serve { |_, _, query| [200, { "Link" => "<?at=#{query["at"].to_i + 1}>" }, '{"tags":["x","y"],"repositories":["x","y"]}'] }
    three = serve do |_, _, query|
      at = (query["at"].to_i + 1) % 3
      [200, { "Link" => "<?at=#{at}>; rel=next" }, %({"tags":["x#{at}"],"repositories":["x#{at}"]})]
    end
    [same, three].each do |host|
      [1, 2].each do |size|
        assert_raises(Ocireg::ProtocolError) { client.each_tag("#{host}/a", page_size: size).first(1000) }
        assert_raises(Ocireg::ProtocolError) { client.each_repository(host, page_size: size).first(1000) }
      end
    end
  end

  # As in the other languages.
  def test_pages_are_of_100
    asked = []
    host = serve do |_, path, query|
      asked << query["n"]
      [200, {}, JSON.generate(path.end_with?("_catalog") ? { "repositories" => [] } : { "name" => "a", "tags" => [] })]
    end
    client.each_tag("#{host}/a").to_a
    client.each_repository(host).to_a
    assert_equal %w[100 100], asked
  end

  def test_enumerators_are_lazy
    repository = put_image.delete_suffix(":one")
    assert_equal "one", client.each_tag(repository).next
    never = client.each_tag("#{silent}/a") # sends nothing yet
    assert_raises(Ocireg::TimeoutError) { Ocireg::Client.new(plain_http: true, timeout: 0.1).each_tag("#{silent}/a").next }
    assert never
  end

  def test_a_manifest
    reference = put_image(annotations: { "a" => "b" })
    manifest = client.manifest(reference)
    assert_equal [IMAGE, "image"], [manifest.media_type, manifest.kind]
    assert_equal Ocireg.digest(manifest.bytes), manifest.digest
    assert_equal client.manifest_digest(reference), manifest.digest
    assert_equal client.manifest_head(reference)["digest"], manifest.digest
    assert_equal manifest.bytes.bytesize, manifest.size
    assert_equal "b", manifest["annotations"]["a"]
    assert_equal 5, manifest.layers[0]["size"]
    assert_equal manifest.layers[0], manifest.layer("application/octet-stream")
    assert_equal manifest.layers[0], manifest.layer
    assert_nil manifest.layer("application/octet-stream", 1)
    assert_equal manifest.reference, "#{manifest.repository}@#{manifest.digest}"
    assert_equal 2, manifest.config["size"]
    assert_empty manifest.manifests
    refute_predicate manifest, :index?
    assert_nil manifest.platform
    assert manifest.reference.end_with?("@#{manifest.digest}")
    assert_equal manifest, client.manifest(manifest.reference)
    assert_deep_frozen manifest.info
    assert_equal Encoding::BINARY, manifest.to_s.encoding
  end

  def test_deleting
    reference = put_image
    repository = reference.delete_suffix(":one")
    digest = client.manifest_digest(reference)
    assert_equal digest, client.delete_tag(reference)["digest"]
    assert_equal 202, client.delete_manifest("#{repository}@#{digest}")["status"]
    assert_raises(Ocireg::NotFound) { client.manifest("#{repository}@#{digest}") }
    assert_equal 1, client.remove_repository(put_image.delete_suffix(":one"), dry_run: true)["tags"]
  end

  def test_referrers
    reference = put_image
    subject = client.manifest_head(reference).slice("mediaType", "digest", "size")
    put_image(repository: reference.delete_suffix(":one"), tag: "note", subject: subject, artifactType: "application/x.note")
    assert_equal 1, client.referrers(reference)["referrers"].size
    assert_equal ["application/x.note"], client.each_referrer(reference).map { |descriptor| descriptor["artifactType"] }
    assert_empty client.each_referrer(reference, artifact_type: "other/type").to_a
  end

  def test_images
    image = put_real_image
    assert_equal "amd64", client.image_config(image)["config"]["architecture"]
    assert_equal "linux", JSON.parse(client.image_config_bytes(image))["os"]
    assert_equal 1, client.image_size(image)["layers"].size
    assert_equal [true, [], 2], client.validate_image(image).values_at("valid", "problems", "blobs")
    assert client.validate_image(image, quick: true, referrers: true)["quick"]
    out = StringIO.new
    assert_equal "greeting", client.image_file(image, "greeting", out)["path"].delete_prefix("/")
    assert_equal "hello", out.string
    assert_equal [["/greeting", "file", 5]], client.image_files(image)["files"].map { |file| file.values_at("path", "type", "size") }
    assert_equal ["/greeting"], client.image_files(image, paths: ["greet*"])["files"].map { |file| file["path"] }
    assert_raises(Ocireg::NotFound) { client.image_files(image, paths: ["none"]) }
    assert client.tag_image(image, "two")["destination"].end_with?(":two")
    Dir.mktmpdir do |folder|
      client.extract_image(image, "#{folder}/files")
      assert_equal "hello", File.read("#{folder}/files/greeting")
      client.extract_image(image, "#{folder}/some", paths: ["greet*"])
      assert_equal ["greeting"], Dir.children("#{folder}/some")
      assert_raises(Ocireg::NotFound) { client.extract_image(image, "#{folder}/none", paths: ["none"]) }
      exported = StringIO.new
      size = client.export_image(image, exported)["size"]
      assert_equal [size, "greeting"], [exported.string.bytesize, exported.string[/\A[^\0]+/]]
      assert_equal size, client.export_image(image, Pathname("#{folder}/image.tar"))["size"]
      assert_equal exported.string, File.binread("#{folder}/image.tar")
      File.binwrite("#{folder}/more.tar", tar("more", "more"))
      client.append_image(image, [Pathname("#{folder}/more.tar")], to: "#{image}-more")
      File.open("#{folder}/out", "wb") { |file| client.image_file("#{image}-more", "more", file) }
      assert_equal "more", File.read("#{folder}/out")
    end
  end

  def test_layouts
    image = put_image
    Dir.mktmpdir do |folder|
      copied = client.copy(image, "oci:#{folder}/layout:one")
      assert_equal client.manifest_digest(image), copied["digest"]
      assert client.check_layout("#{folder}/layout")["ok"]
      place = "oci:#{folder}/layout"
      assert_equal ["one"], client.list_place(place)["tags"]
      assert_equal copied["digest"], client.place_manifest(place)["digest"]
      assert_equal client.place_manifest(place)["size"], client.place_manifest_bytes(place).bytesize
      assert_empty client.place_referrers(place)["referrers"]
      assert_empty client.clean_layout(Pathname("#{folder}/layout"))["removed"]
    end
  end

  def test_whole_repositories
    image = put_image(tag: "v1.0")
    repository, manifest = image.delete_suffix(":v1.0"), client.manifest(image)
    %w[v1.1 v2.0 latest].each { |tag| client.put_manifest("#{repository}:#{tag}", manifest) }
    Dir.mktmpdir do |folder|
      backup = "oci:#{folder}/layout"
      synced = client.sync(repository, backup, semver: ["^1"])
      assert_equal({ "selected" => 2, "copied" => 2, "skipped" => 0, "pruned" => 0, "failed" => 0 }, synced["tags"])
      assert_equal %w[v1.0 v1.1], client.list_place(backup)["tags"].sort
      assert_equal 2, client.sync(backup, new_repository)["tags"]["copied"]
      again = client.sync_list("#{repository} #{backup} # all\n#{repository}:none #{backup}\n", dry_run: true)
      assert_equal [5, 2, 2, 1], again["tags"].values_at("selected", "copied", "skipped", "failed")
      assert_equal ["failed", 5], [again["images"].find { |one| one["error"] }["state"], again["error"]["code"]]
      yaml = "'#{repository.split("/").first}':\n  images:\n    #{repository.split("/", 2).last}: [latest]\n"
      many = client.sync_list(yaml, "oci:#{folder}/many", list_format: "skopeo")
      assert_equal "oci:#{folder}/many:#{repository}:latest", many["images"].first["destination"]
    end
  end

  def test_accounts
    host = OciregTest.registry("HTPASSWD")
    Dir.mktmpdir do |folder|
      file = "#{folder}/config.json"
      login = client.login(host, username: "alice", password: "s3cret:with colon", credentials_file: file)
      assert_equal "basic", login["auth"]
      assert_equal "alice", Ocireg::Client.new(plain_http: true, credentials_file: file).explain("#{host}/a")["credentials"]["username"]
      assert client.logout(host, credentials_file: file)["removed"]
    end
  end

  def test_signatures
    Dir.mktmpdir do |folder|
      File.write("#{folder}/r.yaml", "docker: {r.example: {lookaside: 'https://s.example/all', use-sigstore-attachments: true}}")
      client = Ocireg::Client.new(registries_d: folder)
      found = client.explain("r.example/a")["signatures"]
      assert_equal ["https://s.example/all", "#{folder}/r.yaml:1", true], found.values_at("lookaside", "lookaside_source", "use_sigstore_attachments")
      assert_nil client.explain("other.example/a")["signatures"]
    end
  end

  def test_a_token_for_others
    host = OciregTest.registry("TOKEN")
    client = Ocireg::Client.new
    client.set_host(host, username: "alice", password: "s3cret:with colon")
    token = client.token("#{host}/ruby/token", actions: %w[pull push], scope: "repository:ruby/other:pull")
    assert_equal "Bearer #{token["token"]}", token["header"]["value"]
    assert_equal 2, token["scopes"].size
    assert client.token("#{host}/ruby/token", min_validity_ms: 1000)["cached"]
    refute_equal token["token"], client.token("#{host}/ruby/token", refused: token["token"])["token"]
    assert_nil self.client.token("#{registry}/ruby/token")["header"]
  end

  def test_places_for_others
    reference = put_image(tag: "located")
    blob = "#{reference.delete_suffix(":located")}@#{client.manifest(reference).layers.first["digest"]}"
    { blob => :blob_locate, reference => :manifest_locate }.each do |name, method|
      found = client.public_send(method, name, check: true)
      assert_equal reference.delete_suffix(":located"), found["repository"]
      place = found["locations"].first
      answer = Net::HTTP.get_response(URI(place["url"]), place["headers"])
      assert_equal [found["size"], found["digest"]], [answer.body.bytesize, Ocireg.digest(answer.body)]
    end
    assert_nil client.blob_locate(blob, follow: false)["size"]
  end

  def test_credentials_from_a_block
    host = OciregTest.registry("HTPASSWD")
    asked = []
    answer = lambda do |name|
      asked << name
      { username: "alice", password: "s3cret:with colon" }
    end
    assert_kind_of Array, client.repositories(host, context: Ocireg::Context.new(credentials: answer))["repositories"]
    assert_equal [host], asked
    assert_kind_of Array, Ocireg::Client.new(plain_http: true, credentials: answer).repositories(host)["repositories"]
    assert_raises(Ocireg::Unauthenticated) { Ocireg::Client.new(plain_http: true, credentials: ->(_) {}).repositories(host) }
  end

  def test_credentials_that_need_themselves
    host = OciregTest.registry("HTPASSWD")
    asked = 0
    inner = client = nil
    client = Ocireg::Client.new(plain_http: true, credentials: lambda do |name|
      inner = assert_raises(Ocireg::Busy) { client.repositories(name) } if (asked += 1) == 1
      { username: "alice", password: "s3cret:with colon" }
    end)
    assert_kind_of Array, client.repositories(host)["repositories"]
    assert_match(/credentials of #{host}/, inner.message)
    assert_equal 1, asked
  end

  # In a fiber, and though each call has a new block; another client is asked for itself.
  def test_credentials_that_need_those_of_a_new_block
    host = OciregTest.registry("HTPASSWD")
    one, other = Array.new(2) { Ocireg::Client.new(plain_http: true) }
    asked = []
    inner = nil
    catalog = ->(by) { by.repositories(host, context: Ocireg::Context.new(credentials: ->(_) { answer(by, one, asked) { inner = yield_in_fiber(catalog, one, other) } })) }
    assert_kind_of Array, catalog.call(one)["repositories"]
    assert_kind_of Ocireg::Busy, inner
    assert_equal [one, other], asked
  end

  def answer(by, one, asked)
    asked << by
    yield if by.equal?(one) && asked.size < 5
    { username: "alice", password: "s3cret:with colon" }
  end

  def yield_in_fiber(catalog, one, other)
    Fiber.new do
      refused = assert_raises(Ocireg::Busy) { catalog.call(one) }
      catalog.call(other)
      refused
    end.resume
  end

  def test_warnings
    context = Ocireg::Context.new
    client.ping(OciregTest.registry("REFERRERS"), context: context)
    assert_equal [OciregTest.registry("REFERRERS")], context.warnings.map { |warning| warning["host"] }
  end
end
