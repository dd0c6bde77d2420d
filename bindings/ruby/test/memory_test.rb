# frozen_string_literal: true

require_relative "helper"

# Loops of 10,000 calls leave the memory as it was.
class MemoryTest < OciregTest
  CALLS = 10_000
  ALLOWED = 12 * 1024 # KiB

  def resident
    GC.start
    GC.compact if GC.respond_to?(:compact)
    File.read("/proc/self/status")[/VmRSS:\s+(\d+)/, 1].to_i
  end

  def flat
    2_000.times { yield }
    before = resident
    CALLS.times { yield }
    grown = resident - before
    assert_operator grown, :<, ALLOWED, "#{grown} KiB more after #{CALLS} calls"
  end

  def test_calls_that_ask_nobody
    flat { Ocireg::Reference.parse("quay.io/a/b:c") }
  end

  def test_errors
    flat { Ocireg::Reference.parse("UPPER") rescue nil } # rubocop:disable Style/RescueModifier
  end

  def test_calls_on_workers
    context = Ocireg::Context.new(log: ->(_) {}) { nil }
    flat { client.explain("#{registry}/a", context: context) }
  end

  def test_clients
    flat { Ocireg::Client.new(hosts: { "a.b" => { username: "u", password: "p" } }).close }
  end

  def test_calls_to_a_registry
    manifest = put_image
    flat { client.manifest(manifest) }
  end

  def test_readers
    repository = new_repository
    reference = "#{repository}@#{client.put_blob(repository, "x" * 10_000)["digest"]}"
    flat { client.open_blob(reference) { |reader| reader.read(100) } }
  end
end
