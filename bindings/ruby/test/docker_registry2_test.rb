# frozen_string_literal: true

require_relative "helper"
require "ocireg/docker_registry2"

# The facade, used as the gem docker_registry2 is.
class DockerRegistry2Test < OciregTest
  def reg = @reg ||= DockerRegistry2.connect("http://#{registry}")

  def setup
    @image = put_image(layer: "hello")
    @name = @image.delete_prefix("#{registry}/").delete_suffix(":one")
  end

  def index(*architectures)
    manifests = architectures.map do |architecture|
      put_image(repository: @image.delete_suffix(":one"), tag: architecture, layer: architecture)
      client.manifest_head("#{@image.delete_suffix(":one")}:#{architecture}").slice("mediaType", "digest", "size")
            .merge("platform" => { "os" => "linux", "architecture" => architecture })
    end
    client.put_manifest("#{@image.delete_suffix(":one")}:many", { "schemaVersion" => 2, "manifests" => manifests,
                                                                 "mediaType" => "application/vnd.oci.image.index.v1+json" })
    manifests
  end

  def test_every_function_of_the_module
    names = %i[connect search tags manifest blob digest pull push tag copy rmtag rmrepo manifest_sum blob_size append_blob append_tarball
               manifest_digest]
    names.each { |name| assert_respond_to DockerRegistry2, name }
    (names - [:connect]).each { |name| assert_includes DockerRegistry2::Registry.public_instance_methods, name }
    DockerRegistry2.connect("http://#{registry}")
    assert_equal %w[one], DockerRegistry2.tags(@name)["tags"]
    assert_equal [@name], DockerRegistry2.search("^#{@name}$")
    assert_equal DockerRegistry2.manifest_digest(@name, "one"), DockerRegistry2.manifest(@name, "one").headers[:docker_content_digest]
  end

  def test_search_is_by_regular_expression
    assert_includes reg.search, @name
    assert_equal [@name], reg.search("#{@name[0..-3]}..$")
    assert_empty reg.search("no such thing")
  end

  def test_tags
    %w[two three].each { |tag| reg.tag(@name, "one", @name, tag) }
    assert_equal({ "name" => @name, "tags" => %w[one three two] }, reg.tags(@name))
    assert_equal({ "name" => @name, "tags" => %w[one three], "last" => "three" }, reg.tags(@name, 2))
    assert_equal({ "name" => @name, "tags" => %w[two] }, reg.tags(@name, 2, "three"))
    assert_equal({ "name" => @name, "tags" => %w[one three two] }, reg.tags(@name, 1, auto_paginate: true))
    digest = reg.manifest_digest(@name, "one")
    hashes = { "one" => digest, "three" => digest, "two" => digest }
    assert_equal hashes, reg.tags(@name, nil, "", true)["hashes"]
    assert_equal hashes, reg.tags(@name, 1, "", true, auto_paginate: true)["hashes"]
  end

  def test_a_manifest
    manifest = reg.manifest(@name, "one")
    assert_kind_of Hash, manifest
    assert_instance_of DockerRegistry2::Manifest, manifest
    assert_equal JSON.parse(manifest.body), manifest
    assert_equal Ocireg.digest(manifest.body), manifest.headers[:docker_content_digest]
    assert_equal IMAGE, manifest.headers[:content_type]
    assert_equal manifest, reg.manifest(@name, manifest.headers[:docker_content_digest])
    assert_equal 5, reg.manifest_sum(manifest)
  end

  def test_digests
    assert_equal reg.manifest_digest(@name, "one"), reg.digest(@name, "one")
    entries = index("amd64", "arm64")
    assert_equal entries, reg.digest(@name, "many")
    assert_equal entries[1]["digest"], reg.digest(@name, "many", "arm64", "linux")
    error = assert_raises(DockerRegistry2::NotFound) { reg.digest(@name, "many", "s390x", "linux") }
    assert_equal "No matches found for the image=#{@name} tag=many os=linux architecture=s390x", error.message
    assert_raises(DockerRegistry2::NotFound) { reg.digest(@name, "many", "arm64", "linux", "v8") }
    assert_equal entries, reg.tags(@name, nil, "", true)["hashes"]["many"]
  end

  def test_blobs
    digest = Ocireg.digest("hello")
    blob = reg.blob(@name, digest)
    assert_equal ["hello", "5"], [blob.body, blob.headers[:content_length]]
    assert_equal 5, reg.blob_size(@name, digest)
    Dir.mktmpdir do |folder|
      assert_equal "#{folder}/b", reg.blob(@name, digest, "#{folder}/b")
      assert_equal "hello", File.read("#{folder}/b")
    end
    assert_raises(DockerRegistry2::NotFound) { reg.blob(@name, Ocireg.digest("none")) }
    assert_raises(DockerRegistry2::NotFound) { reg.blob_size(@name, Ocireg.digest("none")) }
  end

  def test_pull_and_push
    Dir.mktmpdir do |folder|
      layers = reg.pull(@name, "one", "#{folder}/new")
      assert_equal reg.manifest(@name, "one")["layers"], layers
      path = "#{folder}/new/#{layers[0]["digest"]}"
      assert_equal "hello", File.read(path)
      File.write(path, "broken")
      reg.pull(@name, "one", "#{folder}/new")
      assert_equal "hello", File.read(path)
      pushed = reg.push(reg.manifest(@name, "one"), "#{folder}/new", "#{@name}/pushed", "one")
      assert_equal [201, reg.manifest_digest(@name, "one")], [pushed.code, pushed.headers[:docker_content_digest]]
      assert_equal %w[one], reg.tags("#{@name}/pushed")["tags"]
      assert_equal 201, reg.push(reg.manifest(@name, "one"), "#{folder}/new").code
      error = assert_raises(DockerRegistry2::MissingLayerException) { reg.push(reg.manifest(@name, "one"), "#{folder}/none", "#{@name}/x", "one") }
      assert_match(/is missing/, error.message)
    end
  end

  def test_pull_of_an_index
    index("amd64", "arm64", "386")
    Dir.mktmpdir { |folder| assert_equal 1, reg.pull(@name, "many", folder).size }
  end

  def test_tag_and_copy
    before = reg.manifest_digest(@name, "one")
    assert_equal 201, reg.tag(@name, "one", "#{@name}/other", "two").code
    assert_equal before, reg.manifest_digest("#{@name}/other", "two")
    assert_equal before, reg.copy(@name, "one", "http://#{OciregTest.registry("REFERRERS")}", @name, "copied")["digest"]
    there = DockerRegistry2::Registry.new("http://#{OciregTest.registry("REFERRERS")}")
    assert_equal before, there.manifest_digest(@name, "copied")
    secured = DockerRegistry2::Registry.new("http://#{OciregTest.registry("HTPASSWD")}", user: "alice", password: "s3cret:with colon")
    reg.copy(@name, "one", secured, @name, "copied")
    assert_equal before, secured.manifest_digest(@name, "copied")
  end

  def test_removing
    assert_equal 202, reg.rmtag(@name, "one")
    assert_raises(DockerRegistry2::NotFound) { reg.manifest(@name, "one") }
    name = put_image.delete_prefix("#{registry}/").delete_suffix(":one")
    assert_equal 1, reg.rmrepo(name)["deleted"]
  end

  def test_append
    name = put_real_image.delete_prefix("#{registry}/").delete_suffix(":one")
    Dir.mktmpdir do |folder|
      File.binwrite("#{folder}/more.tar", tar("more", "more"))
      assert_equal 2, reg.append_tarball(name, "one", "#{folder}/more.tar")["layers"].size
      assert_equal 3, reg.append_blob(name, "one", "#{folder}/more.tar")["layers"].size
      File.write("#{folder}/bad.tar", "this is none" * 100)
      assert_raises(DockerRegistry2::RegistryAppendError) { reg.append_tarball(name, "one", "#{folder}/bad.tar") }
    end
    assert_raises(DockerRegistry2::NotFound) { reg.append_tarball("#{name}/none", "one", "/dev/null") }
  end

  def test_exceptions
    error = assert_raises(DockerRegistry2::NotFound) { reg.tags("#{@name}/none") }
    assert_equal "Image not found at 127.0.0.1", error.message
    assert_kind_of DockerRegistry2::Exception, error
    assert_kind_of RuntimeError, error
    assert_kind_of Ocireg::NotFound, error.cause
    assert_equal 404, error.http_status
    secured = "http://#{OciregTest.registry("HTPASSWD")}"
    assert_raises(DockerRegistry2::RegistryAuthenticationException) { DockerRegistry2.connect(secured).search }
    assert_raises(DockerRegistry2::RegistryAuthenticationException) { DockerRegistry2.connect(secured, user: "alice", password: "no").search }
    assert_kind_of Array, DockerRegistry2.connect(secured, user: "alice", password: "s3cret:with colon").search
    assert_raises(DockerRegistry2::RegistryUnknownException) { DockerRegistry2.connect("http://no-such-host.invalid").search }
    assert_raises(DockerRegistry2::RegistryUnknownException) { DockerRegistry2.connect("http://127.0.0.1:1").search }
  end

  def test_an_address_with_a_path_and_options
    server = TCPServer.new("127.0.0.1", 0)
    asked = Thread.new do
      peer = server.accept
      head = +""
      head << peer.gets until head.end_with?("\r\n\r\n")
      body = '{"name":"a","tags":["x"]}'
      peer.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: #{body.size}\r\n\r\n#{body}")
      peer.close
      head
    end
    reg = DockerRegistry2.connect("http://127.0.0.1:#{server.addr[1]}/dockerproxy", http_options: { headers: { x_me: "you" } })
    assert_equal({ "name" => "a", "tags" => ["x"] }, reg.tags("a"))
    assert_match(%r{\AGET /dockerproxy/v2/a/tags/list HTTP/1.1\r\n.*^x-me: you\r$}mi, asked.value)
    assert_raises(ArgumentError) { DockerRegistry2.connect("http://a", http_options: { no_such: 1 }) }
    assert_raises(ArgumentError) { DockerRegistry2.connect("a.b") }
  ensure
    server.close
  end

  def test_time_limits
    reg = DockerRegistry2.connect("http://#{silent}", read_timeout: 0.1)
    reg.instance_variable_get(:@client).set_host("x.y") # no retries would be quicker; what matters is that it ends
    error = fails_within(20, DockerRegistry2::Exception) { reg.tags("a") }
    assert_equal "TIMEOUT", error.name
  end
end
