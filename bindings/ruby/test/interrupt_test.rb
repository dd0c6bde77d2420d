# frozen_string_literal: true

require_relative "helper"

# Every call that waits for a silent server ends within 200 ms of an interrupt, plus some scheduling slack.
class InterruptTest < OciregTest
  AT_MOST = 0.3
  NONE = "sha256:#{"0" * 64}".freeze

  def calls
    {
      ping: -> { client.ping(silent) },
      tags: -> { client.tags("#{silent}/a") },
      each_tag: -> { client.each_tag("#{silent}/a").to_a },
      manifest: -> { client.manifest("#{silent}/a:b") },
      put_manifest: -> { client.put_manifest("#{silent}/a:b", manifest_of([NONE] * 2, [1, 1])) },
      blob: -> { client.blob("#{silent}/a@#{NONE}") },
      blob_to_io: -> { client.blob_to_io("#{silent}/a@#{NONE}", StringIO.new) },
      open_blob: -> { client.open_blob("#{silent}/a@#{NONE}") },
      put_blob: -> { client.put_blob("#{silent}/a", "x") },
      put_stream: -> { client.put_blob("#{silent}/a", StringIO.new("x")) },
      upload: -> { client.upload("#{silent}/a") { |upload| upload << "x" } },
      copy: -> { client.copy("#{silent}/a:b", "dir:/nowhere") },
      sync: -> { client.sync("#{silent}/a", "oci:/nowhere") },
      v1: -> { client.v1.tags("#{silent}/a") }
    }
  end

  def test_timeout
    calls.each_value { |call| fails_within(0.1 + AT_MOST, Timeout::Error) { Timeout.timeout(0.1) { call.call } } }
  end

  def test_thread_raise_and_kill
    calls.each do |name, call|
      thread = Thread.new { call.call }
      thread.report_on_exception = false
      sleep 0.05
      thread.raise(IOError, "enough")
      assert_equal "enough", fails_within(AT_MOST, IOError) { thread.value }.message, name
    end
    thread = Thread.new { client.ping(silent) }
    sleep 0.05
    begun = now
    thread.kill.join
    assert_operator now - begun, :<, AT_MOST
  end

  def test_timeout_of_the_gem_itself
    calls.each_key do |name|
      next if name == :v1

      limited = Ocireg::Client.new(plain_http: true, timeout: 0.1)
      @client = limited
      fails_within(0.1 + AT_MOST, Ocireg::TimeoutError) { calls[name].call }
    end
    assert_equal 10, assert_raises(Ocireg::TimeoutError) { Ocireg::Client.new.ping(silent, timeout: 0.05) }.code
  end

  def test_other_threads_run_meanwhile
    ticks = 0
    ticker = Thread.new { loop { (ticks += 1) && sleep(0.005) } }
    assert_raises(Ocireg::TimeoutError) { client.ping(silent, timeout: 0.3) }
    assert_operator ticks, :>, 20
  ensure
    ticker.kill
  end

  def test_the_client_is_as_good_as_before
    assert_raises(Timeout::Error) { Timeout.timeout(0.05) { client.ping(silent) } }
    assert_equal 200, client.ping(registry)["status"]
  end

  def test_ctrl_c
    script = <<~RUBY
      require "ocireg"
      client = Ocireg::Client.new(plain_http: true)
      $stdout.sync = true
      puts "begun"
      begin
        client.ping(#{silent.inspect})
      rescue Interrupt
        puts "interrupted"
      end
    RUBY
    IO.popen([RbConfig.ruby, "-I", File.expand_path("../lib", __dir__), "-e", script]) do |child|
      assert_equal "begun\n", child.gets
      sleep 0.1
      begun = now
      Process.kill(:INT, child.pid)
      assert_equal "interrupted\n", child.gets
      assert_operator now - begun, :<, AT_MOST
      assert_nil child.gets
    end
    assert_predicate $?, :success?
  end

  def test_an_exit_does_not_wait_for_other_threads_calls
    script = <<~RUBY
      require "ocireg"
      Thread.new { Ocireg::Client.new(plain_http: true).ping(#{silent.inspect}) }
      sleep 0.2
      exit 7
    RUBY
    begun = now
    system(RbConfig.ruby, "-I", File.expand_path("../lib", __dir__), "-e", script)
    assert_equal 7, $?.exitstatus
    assert_operator now - begun, :<, 3
  end

  def test_a_source_that_waits_is_interrupted_too
    reader, writer = IO.pipe
    fails_within(0.1 + AT_MOST, Timeout::Error) { Timeout.timeout(0.1) { client.put_blob(new_repository, reader) } }
  ensure
    writer.close
    reader.close
  end

  # The gem's own ways to end a call, without other interrupts.
  def test_a_source_that_waits_is_ended_too
    repository = new_repository
    reader, writer = IO.pipe
    context = Ocireg::Context.new
    fails_within(0.2 + AT_MOST, Ocireg::TimeoutError) { client.put_blob(repository, reader, timeout: 0.2) }
    ended(reader, repository, Ocireg::Cancelled, context) { context.cancel }
    ended(reader, repository, Ocireg::TimeoutError, other = Ocireg::Context.new) { other.timeout = 0.01 }
    ended(reader, repository, Ocireg::TimeoutError, another = Ocireg::Context.new(timeout: 60)) { another.timeout = 0.01 }
    ended(reader, repository, Ocireg::Closed, nil) { client.close }
    @client = nil
    assert_equal 200, client.ping(registry)["status"]
  ensure
    writer.close
    reader.close
  end

  # A call with a blocked source fails with this error when the block ended it.
  def ended(reader, repository, kind, context)
    thread = Thread.new { client.put_blob(repository, reader, context: context) }
    thread.report_on_exception = false
    sleep 0.2
    yield
    fails_within(AT_MOST, kind) { thread.join(2) ? thread.value : flunk("it continues to wait") }
  end

  def test_a_block_that_cancels_its_own_call_is_not_cut_off
    context = Ocireg::Context.new(log: ->(_) { context.cancel && (@went_on = true) })
    assert_raises(Ocireg::Cancelled) { client.ping(registry, context: context) }
    assert @went_on
  end

  def test_a_destination_that_waits_is_interrupted_too
    reference = "#{repository = new_repository}@#{client.put_blob(repository, "x" * 1_000_000)["digest"]}"
    reader, writer = IO.pipe
    fails_within(0.2 + AT_MOST, Timeout::Error) { Timeout.timeout(0.2) { client.blob_to_io(reference, writer) } }
  ensure
    reader.close
    writer.close
  end

  # What waits for a reader that does not read.
  def full
    ours, theirs = UNIXSocket.pair
    pipe = IO.pipe
    compressed = IO.pipe
    object = Object.new.tap { |it| it.define_singleton_method(:write) { |_| sleep } }
    { pipe: pipe.last, socket: ours, an_object: object, gzip: Zlib::GzipWriter.new(compressed.last) }.each { |pair| yield(*pair) }
  ensure
    [ours, theirs, *pipe, *compressed].each(&:close)
  end

  # Each way to end a call ends one that waits for its destination, and so when it has all of the bytes but has not written them.
  def test_a_destination_that_waits_is_ended_too
    [10_000, 1_000_000].each do |size|
      reference = "#{repository = new_repository}@#{client.put_blob(repository, SecureRandom.bytes(size))["digest"]}"
      full do |name, io|
        next if size == 10_000 && name != :an_object

        fails_within(0.2 + AT_MOST, Ocireg::TimeoutError) { client.blob_to_io(reference, io, timeout: 0.2) }
        context = Ocireg::Context.new
        written(Ocireg::Cancelled, -> { context.cancel }) { client.blob_to_io(reference, io, context: context) }
        written(Ocireg::TimeoutError, -> { context.timeout = 0.01 }) do
          client.blob_to_io(reference, io, context: context = Ocireg::Context.new)
        end
        fails_within(0.2 + AT_MOST, Timeout::Error) { Timeout.timeout(0.2) { client.blob_to_io(reference, io) } }
        other = Ocireg::Client.new(plain_http: true)
        written(Ocireg::Closed, -> { other.close }) { other.blob_to_io(reference, io) }
      end
    end
    assert_equal 200, client.ping(registry)["status"]
  end

  # What another fiber of the thread does while `write` waits in one is the caller's own, and not ended; the call's error comes out in its fiber.
  def test_the_end_of_a_call_is_not_raised_in_another_fiber
    reference = "#{repository = new_repository}@#{client.put_blob(repository, SecureRandom.bytes(1_000_000))["digest"]}"
    other = Ocireg::Client.new(plain_http: true)
    pieces = Enumerator.new do |yielder|
      io = Object.new.tap { |it| it.define_singleton_method(:write) { |data| (yielder << data) && data.bytesize } }
      other.blob_to_io(reference, io, timeout: 0.5)
    end
    assert_operator pieces.next.bytesize, :>, 0
    other.close
    sleep 1
    assert_raises(Ocireg::Closed) { loop { pieces.next } && flunk("the blob has come to its end") }
  end

  # The end of a call whose `write` makes another one ends the other one too, and each error is its own call's.
  def test_a_destination_that_makes_a_call_is_ended
    reference = "#{repository = new_repository}@#{client.put_blob(repository, SecureRandom.bytes(10_000))["digest"]}"
    fast = Object.new.tap { |it| it.define_singleton_method(:write) { |data| (sleep 0.6) && data.bytesize } }
    slow = client
    outer = Object.new.tap { |it| it.define_singleton_method(:write) { |data| slow.blob_to_io(reference, fast) && data.bytesize } }
    failed = Thread.new { Ocireg::Client.new(plain_http: true).blob_to_io(reference, outer, timeout: 0.3) }
    failed.report_on_exception = false
    assert_raises(Ocireg::TimeoutError) { failed.join(5) ? failed.value : flunk("it continues to wait") }
  end

  def written(kind, ending, &call)
    thread = Thread.new(&call)
    thread.report_on_exception = false
    sleep 0.2
    ending.call
    fails_within(AT_MOST, kind) { thread.join(2) ? thread.value : flunk("it continues to wait") }
  end

  def test_what_a_destination_raises_comes_out
    reference = "#{repository = new_repository}@#{client.put_blob(repository, SecureRandom.bytes(200_000))["digest"]}"
    io = Object.new.tap { |it| it.define_singleton_method(:write) { |_| raise EOFError, "mine" } }
    assert_equal "mine", assert_raises(EOFError) { client.blob_to_io(reference, io) }.message
    written = IO.popen(["cat"], "r+b") do |both|
      reader = Thread.new { both.read }
      client.blob_to_io(reference, both)
      both.close_write
      reader.value
    end
    assert_equal 200_000, written.bytesize
    own = Class.new(File) { def write(data) = super("x" * data.bytesize) }
    Dir.mktmpdir do |folder|
      own.open("#{folder}/a", "wb") { |file| client.blob_to_io(reference, file) }
      assert_equal "x" * 200_000, File.binread("#{folder}/a")
    end
  end

  def test_workers_are_used_again
    threads = Array.new(20) { Thread.new { 20.times { client.explain("#{registry}/a") } } }
    threads.each(&:join)
    workers = Thread.list.count { |thread| thread.name == "ocireg" }
    assert_operator workers, :<=, 20
    20.times { client.explain("#{registry}/a") }
    assert_operator Thread.list.count { |thread| thread.name == "ocireg" }, :<=, workers
  end

  # A block that ends its thread ends its own call, and no later one.
  def test_a_block_that_ends_its_thread
    reference = "#{repository = new_repository}@#{client.put_blob(repository, "x" * 1000)["digest"]}"
    Dir.mktmpdir do |folder|
      [-> { Thread.exit }, -> { Thread.current.kill }].each do |ending|
        assert_raises(ThreadError) { client.blob_to_file(reference, "#{folder}/a") { ending.call } }
        client.blob(reference)
        assert_raises(ThreadError) { client.ping(registry, context: Ocireg::Context.new(log: ->(_) { ending.call })) }
        20.times { assert_equal 200, Timeout.timeout(5) { client.ping(registry)["status"] } }
      end
    end
  end

  # A program may end any thread, also one of this gem's that waits for work.
  def test_workers_that_were_killed_get_no_calls
    client.ping(registry)
    workers = Thread.list.select { |thread| thread.name == "ocireg" }
    assert_operator workers.size, :>, 0
    workers.each(&:kill).each(&:join)
    assert_equal 200, Timeout.timeout(5) { client.ping(registry)["status"] }
  end

  # Replaces Ocireg::Worker.start meanwhile; the replacement receives the original.
  def with_start(other)
    kind = Ocireg::Worker.singleton_class
    start = kind.instance_method(:start)
    kind.remove_method(:start)
    kind.define_method(:start) { |&block| other.call(start.bind(self), block) }
    yield
  ensure
    kind.remove_method(:start)
    kind.define_method(:start, start)
  end

  # The interrupt arrives when the worker has the job but the caller does not know of it yet.
  def test_an_interrupt_while_a_job_is_handed_over
    cancelled = 0
    interrupted = lambda do |start, block|
      start.call(&block).tap { Thread.current.raise(IOError, "now") }
    end
    with_start(interrupted) do
      assert_raises(IOError) { Ocireg::Worker.run(-> { cancelled += 1 }) { sleep 0.2 } }
    end
    assert_equal 1, cancelled
  end

  def test_a_read_ahead_that_did_not_begin_begins_at_the_next_read
    repository = new_repository
    reader = client.open_blob("#{repository}@#{client.put_blob(repository, "hello")["digest"]}")
    with_start(->(*) { raise ThreadError, "no more threads" }) { assert_raises(ThreadError) { reader.read } }
    assert_equal "hello", Timeout.timeout(2) { reader.read }
  end

  # The first caller, also after a fork, creates the list of idle workers, once.
  def test_workers_begin_for_many_threads_at_once
    script = <<~RUBY
      require "ocireg"
      100.times do
        Ocireg::Worker.instance_variable_set(:@pid, nil)
        Ocireg::Worker.instance_variable_set(:@idle, nil)
        Array.new(4) { Thread.new { Ocireg::Worker.run(-> {}) { 1 } } }.each(&:join)
      end
    RUBY
    assert system(RbConfig.ruby, "-I", File.expand_path("../lib", __dir__), "-e", script)
  end

  def test_a_stop_before_a_worker_serves_ends_it_quietly
    50.times do
      worker = Ocireg::Worker.new
      thread = worker.instance_variable_get(:@thread)
      worker.stop
      worker.submit(Ocireg::Job.new(-> { Ocireg::Job.current.instance_variable_set(:@stopped, true) }))
      assert thread.join(2)
      assert_nil thread.value
    end
  end

  def test_storms_of_interrupts_lose_nothing
    100.times do |i|
      thread = Thread.new { client.ping(registry) }
      thread.report_on_exception = false
      sleep(0.0001 * (i % 20))
      thread.raise(IOError, "now")
      begin
        thread.value
      rescue IOError
        nil
      end
    end
    assert_equal 200, client.ping(registry)["status"]
    sleep 0.3
    assert_operator Thread.list.count { |worker| worker.name == "ocireg" }, :<=, 17
  end
end
