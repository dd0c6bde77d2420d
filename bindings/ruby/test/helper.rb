# frozen_string_literal: true

require "minitest/autorun"
require "json"
require "net/http"
require "ocireg"
require "securerandom"
require "socket"
require "stringio"
require "timeout"
require "tmpdir"
require "uri"
require "zlib"
require_relative "calls"

# What the tests share. They run under tests/registries/run, which sets the addresses of the registries.
class OciregTest < Minitest::Test
  IMAGE = "application/vnd.oci.image.manifest.v1+json"

  def self.registry(name) = ENV.fetch("OCIREG_TEST_#{name}")

  # A listener that never sends anything.
  def self.silent
    @@silent ||= TCPServer.new("127.0.0.1", 0)
    "127.0.0.1:#{@@silent.addr[1]}"
  end

  def registry = OciregTest.registry("V3")
  def silent = OciregTest.silent
  def client = @client ||= Ocireg::Client.new(plain_http: true)
  def new_repository = "#{registry}/ruby/#{SecureRandom.hex(6)}"
  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

  # A registry whose responses come from the block: [status, headers, body] for a method, a path and the query.
  def serve
    server = TCPServer.new("127.0.0.1", 0)
    (@servers ||= []) << server
    thread = Thread.new do
      loop do
        Thread.new(server.accept) do |peer|
          while (request = peer.gets)
            nil until peer.gets.strip.empty?
            method, target = request.split
            path, query = target.split("?")
            status, headers, body = yield(method, path, URI.decode_www_form(query.to_s).to_h)
            lines = { "Content-Type" => "application/json", "Content-Length" => body.bytesize }.merge(headers).map { |pair| pair.join(": ") }
            peer.write("HTTP/1.1 #{status} x\r\n#{lines.join("\r\n")}\r\n\r\n#{body unless method == "HEAD"}")
          end
        end
      end
    rescue IOError
      nil
    end
    thread.report_on_exception = false
    "127.0.0.1:#{server.addr[1]}"
  end

  def teardown = @servers&.each(&:close)

  # A registry with that many names whose cursors are its own tokens: for anything else it returns the first page. Pages
  # have at most ten names.
  def tokens(total)
    serve do |_, path, query|
      from = query["next_page"].to_s[/\AgAAA(\d+)\z/, 1].to_i
      size = [query.fetch("n", 10).to_i, 10].min
      names = (from...[from + size, total].min).map { |number| format("t%05d", number) }
      more = { "Link" => %(<#{path}?n=#{size}&next_page=gAAA#{from + size}>; rel="next") } if from + size < total
      [200, more || {}, JSON.generate(path.end_with?("_catalog") ? { "repositories" => names } : { "name" => "a", "tags" => names })]
    end
  end

  # Pushes a new image with one layer; returns the reference, with its tag.
  def put_image(repository: new_repository, tag: "one", layer: "hello", config: "{}", **more)
    blobs = [config, layer].map { |data| client.put_blob(repository, data)["digest"] }
    client.put_manifest("#{repository}:#{tag}", manifest_of(blobs, [config.bytesize, layer.bytesize], **more))
    "#{repository}:#{tag}"
  end

  def manifest_of(digests, sizes, layer_type: "application/octet-stream", **more)
    config, layer = digests.zip(sizes).map { |digest, size| { "digest" => digest, "size" => size } }
    { "schemaVersion" => 2, "mediaType" => IMAGE, **more,
      "config" => { "mediaType" => "application/vnd.oci.image.config.v1+json", **config },
      "layers" => [{ "mediaType" => layer_type, **layer }] }
  end

  # A tar file with one file, made by the system's tar; returns its bytes.
  def tar(name, text)
    Dir.mktmpdir do |folder|
      File.write("#{folder}/#{name}", text)
      IO.popen(["tar", "-C", folder, "-c", name], "rb", &:read)
    end
  end

  # An image that can be unpacked.
  def put_real_image(tar: tar("greeting", "hello"))
    config = JSON.generate("architecture" => "amd64", "os" => "linux", "config" => {},
                           "rootfs" => { "type" => "layers", "diff_ids" => [Ocireg.digest(tar)] })
    put_image(layer: tar, config: config, layer_type: "application/vnd.oci.image.layer.v1.tar")
  end

  # Checks that the block takes no longer than allowed, and returns the error that it raised.
  def fails_within(seconds, kind)
    begun = now
    error = assert_raises(kind) { yield }
    took = now - begun
    assert_operator took, :<, seconds, "#{error.class} took #{took} s"
    error
  end

  def assert_deep_frozen(value)
    assert_predicate value, :frozen?, value.inspect
    case value
    when Hash then value.each { |key, member| [key, member].each { |part| assert_deep_frozen(part) } }
    when Array then value.each { |element| assert_deep_frozen(element) }
    end
  end
end
