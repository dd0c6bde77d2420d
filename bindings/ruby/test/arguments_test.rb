# frozen_string_literal: true

require_relative "helper"
require "tempfile"

# Wrong kinds of arguments and wrong answers of blocks say what they are; no request is made for the former.
class ArgumentsTest < OciregTest
  def setup
    @repository = new_repository
    @reference = "#{@repository}@#{client.put_blob(@repository, "hello")["digest"]}"
  end

  # A server that nobody may ask.
  def unasked
    asked = []
    host = serve { |_, path, _| (asked << path) && [404, {}, "{}"] }
    yield "#{host}/a@#{Ocireg.digest("hello")}"
    assert_empty asked
  end

  def refused(message, &block) = assert_match(message, assert_raises(TypeError, &block).message)

  def test_an_open_file_is_no_path
    Dir.mktmpdir do |folder|
      unasked do |reference|
        File.open("#{folder}/a", "w") do |file|
          file.write("head")
          refused(/path is File, not a path: blob_to_io/) { client.blob_to_file(reference, file) }
          refused(/path is StringIO, not a path/) { client.blob_to_file(reference, StringIO.new) }
          refused(/path is File, not a path: layer_to_io/) { client.v1.layer_to_file(reference, "0" * 64, file) }
        end
      end
      assert_equal "head", File.read("#{folder}/a")
      path = Struct.new(:to_path).new("#{folder}/b")
      [Pathname("#{folder}/c"), path, "#{folder}/d"].each { |into| client.blob_to_file(@reference, into) }
      assert_equal %w[hello] * 3, %w[b c d].map { |name| File.read("#{folder}/#{name}") }
    end
  end

  def test_what_is_not_open_to_write_to
    unasked do |reference|
      { nil => "NilClass", "path" => "String", Pathname("path") => "Pathname", 5 => "Integer" }.each do |into, kind|
        refused(/the destination is #{kind}, which is not open to write to/) { client.blob_to_io(reference, into) }
        refused(/the destination is #{kind}/) { client.image_file(reference, "a", into) }
      end
    end
  end

  def test_a_temporary_file_is_an_open_one
    Tempfile.create("ocireg") { |file| refused(/not a path/) { client.blob_to_file(@reference, file) } }
    file = Tempfile.new("ocireg")
    refused(/not a path/) { client.blob_to_file(@reference, file) }
    file.write("head ")
    client.blob_to_io(@reference, file)
    file.flush
    assert_equal "head hello", File.read(file.path)
  ensure
    file&.close!
  end

  def test_blocks_that_are_none
    %i[log credentials].each { |name| refused(/#{name} is Integer, which cannot be called/) { Ocireg::Client.new(name => 5) } }
    %i[log credentials blobs].each { |name| refused(/#{name} is String, which cannot be called/) { Ocireg::Context.new(name => "x") } }
  end

  def test_hosts_that_are_none
    refused(/hosts is Array, not a Hash/) { Ocireg::Client.new(hosts: [1]) }
    refused(/hosts\["h"\] is Integer, not a Hash/) { Ocireg::Client.new(hosts: { "h" => 5 }) }
  end

  def test_credentials_that_are_none
    htpasswd = OciregTest.registry("HTPASSWD")
    { %w[u p] => "Array", "u:p" => "String", 5 => "Integer", nil => nil }.each do |answer, kind|
      asking = Ocireg::Client.new(plain_http: true, credentials: ->(_) { answer })
      next assert_raises(Ocireg::Unauthenticated) { asking.tags("#{htpasswd}/a") } unless kind

      refused(/the result of the credentials block is #{kind}, not a Hash/) { asking.tags("#{htpasswd}/a") }
    end
  end

  def test_a_source_that_gives_no_bytes
    source = Object.new.tap { |it| it.define_singleton_method(:read) { |_| 5 } }
    refused(/\Aread\(\d+\) gave Integer, not a String\z/) { client.put_blob(@repository, source) }
  end

  def test_a_time_limit_without_end
    assert_equal "hello", client.blob(@reference, timeout: 1e300)
    assert_equal "hello", client.blob(@reference, context: Ocireg::Context.new(timeout: 1e300))
    assert_equal "hello", Ocireg::Client.new(plain_http: true, timeout: 10**30).blob(@reference)
  end
end
