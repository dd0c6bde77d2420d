# frozen_string_literal: true

require_relative "helper"
require "ocireg/docker_registry2"

# The facade, used like the gem docker_registry2.
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

  def test_removing_a_tag_leaves_the_image_and_its_other_tags
    reg.tag(@name, "one", @name, "copy")
    assert_equal 202, reg.rmtag(@name, "copy")
    assert_equal %w[one], reg.tags(@name)["tags"]
    assert_equal 2, reg.manifest(@name, "one")["schemaVersion"]
  end

  def test_where_no_single_tag_can_be_deleted_that_is_said_with_what_to_do
    deleted = []
    manifest = JSON.generate(manifest_of([Ocireg.digest("{}")] * 2, [2, 2]))
    host = serve do |method, path, _|
      deleted << path if method == "DELETE"
      next [405, {}, '{"errors":[{"code":"UNSUPPORTED","message":"no"}]}'] if method == "DELETE"

      [200, { "Content-Type" => IMAGE, "Docker-Content-Digest" => Ocireg.digest(manifest) }, manifest]
    end
    error = assert_raises(DockerRegistry2::InvalidMethod) { DockerRegistry2::Registry.new("http://#{host}").rmtag("a", "one") }
    assert_match(/removes every tag.*replace/, error.message)
    assert_equal %w[/v2/a/manifests/one], deleted
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
      assert_raises(DockerRegistry2::NotFound) { reg.append_tarball("#{name}/none", "one", "#{folder}/more.tar") }
    end
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
  ensure
    server.close
  end

  def test_what_is_not_there_is_empty_on_request
    empty = DockerRegistry2.connect("http://#{registry}", missing: :empty)
    assert_equal({}, empty.tags("#{@name}/none"))
    assert_equal({}, empty.tags("#{@name}/none", nil, "", true))
    assert_equal({}, empty.tags("#{@name}/none", 2, auto_paginate: true))
    assert_equal({}, empty.manifest(@name, "none"))
    assert_equal({}, empty.manifest("#{@name}/none", "one"))
    assert_equal [nil, {}], [empty.manifest(@name, "none").headers[:docker_content_digest], JSON.parse(empty.manifest(@name, "none").body)]
    assert_equal %w[one], empty.tags(@name)["tags"]
    assert_raises(DockerRegistry2::NotFound) { empty.digest(@name, "none") }
    assert_raises(DockerRegistry2::NotFound) { empty.blob(@name, Ocireg.digest("none")) }
    Dir.mktmpdir { |folder| assert_equal({}, empty.pull(@name, "none", folder)) }
    [:error, nil].each do |usual|
      reg = DockerRegistry2.connect("http://#{registry}", missing: usual)
      assert_raises(DockerRegistry2::NotFound) { reg.tags("#{@name}/none") }
      assert_raises(DockerRegistry2::NotFound) { reg.manifest(@name, "none") }
      Dir.mktmpdir { |folder| assert_raises(DockerRegistry2::NotFound) { reg.pull(@name, "none", folder) } }
    end
  end

  def test_every_mistake_is_an_exception_of_the_module_and_says_what_it_is
    http = "http://#{registry}"
    {
      -> { DockerRegistry2.connect("a.b") } => %r{"a.b" is not the address of a registry: give http://HOST},
      -> { DockerRegistry2.connect("localhost:5000") } => /localhost:5000/, -> { DockerRegistry2.connect("ftp://a.b") } => /ftp/,
      -> { DockerRegistry2.connect("me:secret@a b") } => /\A"…@a b"/, -> { DockerRegistry2.connect("") } => /not the address/,
      -> { reg.copy(@name, "one", "a.b", @name, "one") } => /"a.b"/,
      -> { DockerRegistry2.connect(http, http_options: { no_such: 1 }) } => /http_options: does not support no_such; supported are .*proxy/,
      -> { DockerRegistry2.connect(http, http_options: 1) } => /http_options: 1 is not a Hash/,
      -> { DockerRegistry2.connect(http, http_options: { headers: 1 }) } => /headers: 1 is not a Hash/,
      -> { DockerRegistry2.connect("https://a.b", http_options: { ssl_client_cert: "a" }) } => /ssl_client_cert: String/,
      -> { DockerRegistry2.connect(http, open_timeout: "soon") } => /open_timeout: "soon" is not a number/,
      -> { DockerRegistry2.connect(http, read_timeout: -1) } => /read_timeout: -1/, -> { DockerRegistry2.connect(http, missing: 1) } => /missing: 1/,
      -> { reg.search("[") } => /\[/, -> { reg.manifest(@name, nil) } => /tag/, -> { reg.manifest(@name, "a b") } => /'a b'/,
      -> { reg.tags("A B") } => /A B/, -> { reg.blob(@name, "sha256:123") } => /64/, -> { reg.tags(@name, "x") } => /\bn\b/,
      -> { reg.pull(@name, "one", "/dev/null/x") } => %r{/dev/null}, -> { reg.blob(@name, Ocireg.digest("hello"), "/dev/null/x") } => /null/,
      -> { reg.push({ "layers" => [], "x" => "\xff" }, "/", @name, "x") } => /partial character|UTF/, -> { reg.push({}, "/") } => /repository/
    }.each do |call, message|
      error = assert_raises(DockerRegistry2::Exception, message.source, &call)
      assert_match message, error.message
      refute_equal "INTERNAL", error.name, message unless error.message.include?("came from")
    end
  end

  def test_answers_without_a_name_are_of_the_http_exception
    host = serve { |_, path, _| [path[%r{/v2/(\d+)/}, 1].to_i, {}, ""] }
    reg = DockerRegistry2::Registry.new("http://#{host}")
    { 400 => :UnknownRegistryException, 403 => :RegistryAuthorizationException, 418 => :RegistryHTTPException }.each do |status, name|
      error = assert_raises(DockerRegistry2.const_get(name)) { reg.tags(status.to_s) }
      assert_equal status, error.http_status
    end
  end

  # In a separate process: this one may have loaded rest-client.
  def test_names_of_the_other_gems_client_can_be_rescued
    script = <<~RUBY
      require "ocireg/docker_registry2"
      begin
        DockerRegistry2.connect("http://127.0.0.1:1").tags("a")
      rescue RestClient::NotFound, RestClient::Exceptions::OpenTimeout, RestClient::ExceptionWithResponse, RestClient::Exception
        puts "wrong"
      rescue DockerRegistry2::RegistryUnknownException
        puts [RestClient::NotFound < RestClient::Exception, defined?(RestClient::Request)].inspect
      end
    RUBY
    said = IO.popen([RbConfig.ruby, "-w", "-I", File.expand_path("../lib", __dir__), "-e", script, { err: %i[child out] }], &:read)
    assert_match(/\A\[true, (nil|"constant")\]\n\z/, said)
  end

  def test_symbols_numbers_as_text_and_other_kinds_of_address
    assert_equal 2, reg.manifest(@name.to_sym, :one)["schemaVersion"]
    assert_equal 201, reg.tag(@name, :one, @name, :two).code
    assert_equal reg.manifest_digest(@name, :one), reg.digest(@name, :two)
    assert_equal %w[one two], DockerRegistry2.connect(URI("http://#{registry}/"), open_timeout: "2").tags(@name)["tags"]
    kept = DockerRegistry2.connect("http://#{registry}", http_options: { log: nil, proxy: nil, ssl_version: nil, timeout: 1.5 })
    assert_equal %w[one two], kept.tags(@name)["tags"]
    assert_equal [Encoding::UTF_8] * 2, [reg.manifest(@name, "one").body.encoding, reg.blob(@name, Ocireg.digest("hello")).body.encoding]
  end

  def test_many_pages_are_gone_through_in_a_loop
    total = 9_000
    host = serve do |_, _, query|
      from = query["last"] ? query["last"].delete_prefix("t").to_i + 1 : 0
      tags = (from...[from + query.fetch("n").to_i, total].min).map { |number| format("t%05d", number) }
      more = { "Link" => %(</v2/a/tags/list?n=#{query["n"]}&last=#{tags.last}>; rel="next") } if from + tags.size < total
      [200, more || {}, JSON.generate("name" => "a", "tags" => tags)]
    end
    reg = DockerRegistry2::Registry.new("http://#{host}")
    all = Thread.new { reg.tags("a", 1, "t01999", auto_paginate: true) } # 7,000 pages
    assert_equal total - 2000, all.value["tags"].size
    assert_equal [nil, "t02000", "t08999"], [all.value["last"], *all.value["tags"].minmax]
    part = reg.tags("a", 2500, "t00999")
    assert_equal ["t03499", 2500, "t01000", "t03499"], [part["last"], part["tags"].size, *part["tags"].minmax]
    assert_equal [2000, nil], [reg.tags("a", 2000, "t06999")["tags"].size, reg.tags("a", 2000, "t06999")["last"]]
  end

  # A registry whose cursor is its own: for anything else it returns the first page.
  def test_pages_by_token
    host = tokens(25)
    reg = DockerRegistry2::Registry.new("http://#{host}")
    wanted = (0...25).map { |number| format("t%05d", number) }
    assert_equal({ "name" => "a", "tags" => wanted }, reg.tags("a", 3, auto_paginate: true))
    assert_equal wanted, reg.search
    # Page by page, by the name at the end of each, as the gem's users do.
    found = []
    last = ""
    9.times do
      page = reg.tags("a", 3, last)
      found.concat(page["tags"])
      last = page["last"] or break
    end
    assert_equal [wanted, nil], [found, last]
    assert_raises(DockerRegistry2::Exception) { reg.tags("a", 3, "t00013", auto_paginate: true) } # no page ended with this name
  end

  def test_pages_that_go_round
    host = serve { |_, _, query| [200, { "Link" => "<?at=#{query["at"].to_i + 1}>" }, '{"name":"a","tags":["x","y"]}'] }
    error = fails_within(20, DockerRegistry2::Exception) { DockerRegistry2::Registry.new("http://#{host}").tags("a", 2, auto_paginate: true) }
    assert_equal "PROTOCOL", error.name
  end

  def test_time_limits
    reg = DockerRegistry2.connect("http://#{silent}", read_timeout: 0.1)
    reg.instance_variable_get(:@client).set_host("x.y") # no retries would be quicker; what matters is that it ends
    error = fails_within(20, DockerRegistry2::Exception) { reg.tags("a") }
    assert_equal "TIMEOUT", error.name
  end
end
