# frozen_string_literal: true

require_relative "helper"

class ErrorTest < OciregTest
  def test_what_an_error_says
    error = assert_raises(Ocireg::NotFound) { client.manifest("#{new_repository}:none") }
    assert_kind_of Ocireg::RegistryError, error
    assert_kind_of Ocireg::Error, error
    assert_kind_of StandardError, error
    assert_equal [5, "NOT_FOUND", 404], [error.code, error.name, error.http_status]
    assert_equal error.message, error.details["message"]
    assert_match(/UNKNOWN/, error.registry_errors[0]["code"])
    assert_match(%r{\Ahttp://.*/manifests/none\z}, error.url)
    refute_predicate error, :retryable?
    assert_nil error.retry_after
    assert_nil error.side
    assert_deep_frozen error.details
    assert(error.backtrace.any? { |line| line.include?("error_test.rb") }, "the caller is in the backtrace")
  end

  def test_retry_after
    server = TCPServer.new("127.0.0.1", 0)
    thread = Thread.new do
      loop do
        peer = server.accept
        nil until peer.gets.to_s.strip.empty?
        peer.write("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n")
        peer.close
      end
    rescue IOError
      nil
    end
    error = assert_raises(Ocireg::RateLimited) { client.tags("127.0.0.1:#{server.addr[1]}/a") }
    assert_in_delta 3600, error.retry_after, 5
    assert_equal 429, error.http_status
  ensure
    server.close
    thread.join
  end

  def test_options
    error = assert_raises(Ocireg::InvalidArgument) { client.tags("#{registry}/a", no_such: 1) }
    assert_match(/no_such/, error.message)
    assert_raises(Ocireg::InvalidArgument) { client.tags("#{registry}/a", n: "many") }
    assert_raises(Ocireg::InvalidArgument) { client.tags("#{registry}/a", n: 2**70) }
    assert_raises(Ocireg::InvalidArgument) { Ocireg::Client.new(headers: { "Host" => "x" }) }
    assert_raises(Ocireg::InvalidArgument) { Ocireg::Client.new(user_agent: "a\0b") }
    assert_raises(Ocireg::InvalidArgument) { client.manifest(nil) }
  end

  def test_options_of_every_type
    other = Ocireg::Client.new(user_agent: :me, retries: 1, plain_http: true, requests_per_second: 99.5,
                               headers: { "X-A" => "b" }, no_proxy: [], ca_file: nil)
    assert_equal 200, other.ping(registry)["status"]
    explained = other.explain("#{registry}/a")["network"]
    assert_equal [["x-a"], 99.5], [explained["headers"].map(&:downcase), explained["requests_per_second"]]
    assert_equal "b", Ocireg::Client.new(plain_http: true, headers: ["X-A: b"]).then { "b" }
  end

  def test_a_closed_client
    other = Ocireg::Client.open(plain_http: true) { |open| open.tap { assert_equal 200, open.ping(registry)["status"] } }
    assert_predicate other, :closed?
    fails_within(0.1, Ocireg::Closed) { other.ping(registry) }
    other.close
    refute_match(/secret/, Ocireg::Client.new(hosts: { "a.b" => { username: "u", password: "secret" } }).inspect)
  end

  def test_errors_are_of_one_tree
    Ocireg::ERRORS.each_value { |kind| assert_operator kind, :<, Ocireg::Error }
    assert_operator Ocireg::TimeoutError, :<, Ocireg::TransportError
    assert_equal [5, "NOT_FOUND"], [Ocireg::NotFound.new("x").code, Ocireg::NotFound.new("x").name]
  end
end
