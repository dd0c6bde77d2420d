# frozen_string_literal: true

require_relative "helper"

class ContextTest < OciregTest
  def test_a_trap_may_cancel
    context = Ocireg::Context.new
    before = Signal.trap("USR1") { context.cancel }
    killer = Thread.new do
      sleep 0.2
      Process.kill("USR1", Process.pid)
    end
    assert_raises(Ocireg::Cancelled) { Ocireg::Client.new(plain_http: true).each_tag("#{silent}/a", context: context).next }
  ensure
    killer.join
    Signal.trap("USR1", before)
  end

  def test_cancel
    context = Ocireg::Context.new
    threads = Array.new(3) { Thread.new { client.ping(silent, context: context) } }
    threads.each { |thread| thread.report_on_exception = false }
    sleep 0.1
    context.cancel
    threads.each { |thread| fails_within(0.3, Ocireg::Cancelled) { thread.value } }
    assert_predicate context, :cancelled?
    fails_within(0.1, Ocireg::Cancelled) { client.ping(registry, context: context) }
  end

  def test_an_interrupt_ends_only_its_own_call
    context = Ocireg::Context.new
    assert_raises(Timeout::Error) { Timeout.timeout(0.05) { client.ping(silent, context: context) } }
    assert_equal 200, client.ping(registry, context: context)["status"]
  end

  def test_limits
    context = Ocireg::Context.new(timeout: 0.1)
    fails_within(0.5, Ocireg::TimeoutError) { client.ping(silent, context: context) }
    fails_within(0.1, Ocireg::TimeoutError) { client.ping(registry, context: context) }
    assert_equal 0.0, context.timeout
    context.timeout = nil
    assert_equal 200, client.ping(registry, context: context)["status"]
    thread = Thread.new { client.ping(silent, context: context) }
    thread.report_on_exception = false
    sleep 0.05
    context.timeout = 0.1
    assert_in_delta 0.1, context.timeout, 0.05
    assert_raises(Ocireg::TimeoutError) { client.ping(silent, context: context, timeout: 60) }
    context.cancel
    thread.join rescue nil # rubocop:disable Style/RescueModifier
  end

  def test_progress
    steps = []
    context = Ocireg::Context.new { |done, total| steps << [done, total] }
    repository = new_repository
    digest = client.put_blob(repository, "x" * 1_000_000, context: context)["digest"]
    assert_equal 1_000_000, steps.last[0]
    client.blob("#{repository}@#{digest}", context: context)
    assert_equal({ "operation" => "blob get", "done" => 1_000_000, "total" => 1_000_000 }, context.progress)
  end

  def test_the_blobs_of_a_copy
    events = []
    image = put_image
    Dir.mktmpdir { |folder| client.copy(image, "oci:#{folder}/layout", context: Ocireg::Context.new(blobs: ->(event) { events << event })) }
    assert_equal 2, events.count { |event| event["state"] == "begun" }
    assert_equal 2, events.count { |event| event["state"] == "copied" }
    assert_includes events.map { |event| event["digest"] }, Ocireg.digest("hello")
  end

  def test_log
    events = []
    client.ping(registry, context: Ocireg::Context.new(log: ->(event) { events << event }))
    assert_equal %w[request response], events.map { |event| event["event"] }
    assert_equal 200, events.last["status"]
    Ocireg::Client.new(plain_http: true, log: ->(event) { events << event }).ping(registry)
    assert_equal 4, events.size
  end

  def test_what_a_block_raises_comes_out_of_the_call
    error = Class.new(StandardError)
    assert_raises(error) { client.ping(registry, context: Ocireg::Context.new(log: ->(_) { raise error })) }
    assert_raises(error) { client.ping(registry, context: Ocireg::Context.new(log: proc { raise error })) }
    assert_raises(error) { client.repositories(OciregTest.registry("HTPASSWD"), context: Ocireg::Context.new(credentials: ->(_) { raise error })) }
    source = Object.new
    source.define_singleton_method(:read) { |_| raise error }
    assert_raises(error) { client.put_blob(new_repository, source) }
    assert_raises(UncaughtThrowError) { catch(:done) { client.ping(registry, context: Ocireg::Context.new(log: ->(_) { throw :done })) } }
    assert_raises(NotImplementedError) { client.ping(registry, context: Ocireg::Context.new(log: ->(_) { raise NotImplementedError })) }
    assert_equal 200, client.ping(registry)["status"]
  end

  def test_a_block_may_make_calls
    seen = []
    client.ping(registry, context: Ocireg::Context.new(log: ->(_) { seen << client.ping(registry)["status"] }))
    assert_equal [200, 200], seen
  end

  def test_what_is_no_limit_no_context_and_no_size
    assert_equal 200, client.ping(registry, timeout: Float::INFINITY)["status"]
    assert_equal 200, client.ping(registry, timeout: 5r)["status"]
    assert_equal 200, Ocireg::Client.new(plain_http: true, timeout: Float::INFINITY, requests_per_second: 5r / 2).ping(registry)["status"]
    ["5", Object.new, Float::NAN].each do |wrong|
      assert_raises(Ocireg::InvalidArgument) { client.ping(registry, timeout: wrong) }
      assert_raises(Ocireg::InvalidArgument) { Ocireg::Context.new(timeout: wrong) }
      assert_raises(Ocireg::InvalidArgument) { Ocireg::Client.new(timeout: wrong) }
    end
    assert_match(/context is Integer/, assert_raises(Ocireg::InvalidArgument) { client.ping(registry, context: 5) }.message)
    repository = new_repository
    client.open_blob("#{repository}@#{client.put_blob(repository, "hello")["digest"]}") do |reader|
      assert_raises(TypeError) { reader.read("x") }
      assert_raises(TypeError) { reader.readpartial(nil) }
      assert_equal "he", reader.read(2.5)
    end
  end

end
